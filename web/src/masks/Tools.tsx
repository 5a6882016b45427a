/** The tools for painting a mask. */

import { Brush, Contrast, Eraser, Lasso, PaintBucket, PenLine, RectangleHorizontal, Trash2 } from "lucide-react";
import type { CSSProperties, ReactNode } from "react";
import { useI18n, type Key } from "../i18n";
import type { Tool } from "./MaskBoard";
import type { Edit } from "./strokes";

const SHAPES: [Tool["shape"], Key, typeof Brush][] = [["brush", "mask.brush", PenLine], ["lasso", "mask.lasso", Lasso], ["box", "mask.box", RectangleHorizontal]];
const WHOLE: [Edit & string, Key, typeof Brush][] = [["fill", "mask.fill", PaintBucket], ["invert", "mask.invert", Contrast], ["clear", "mask.clear", Trash2]];

/** The brush's width as a fraction of the picture's longest side. */
export const SIZES = { least: 0.005, most: 0.4, first: 0.08 };

export function Tools({ tool, onTool, onEdit }: { tool: Tool; onTool: (tool: Tool) => void; onEdit: (edit: Edit) => void }) {
  const { t } = useI18n();
  const set = (patch: Partial<Tool>) => onTool({ ...tool, ...patch });
  return (
    <div className="flex min-w-0 flex-1 flex-wrap items-center gap-x-4 gap-y-1">
      <Group label={t("mask.mode")}>
        <Toggle label={t("mask.paint")} on={!tool.erase} onClick={() => set({ erase: false })} testid="mask-paint">
          <Brush size={18} aria-hidden />
        </Toggle>
        <Toggle label={t("mask.erase")} on={tool.erase} onClick={() => set({ erase: true })} testid="mask-erase">
          <Eraser size={18} aria-hidden />
        </Toggle>
      </Group>
      <Group label={t("mask.shape")}>
        {SHAPES.map(([shape, key, Icon]) => (
          <Toggle key={shape} label={t(key)} on={tool.shape === shape} onClick={() => set({ shape })} testid={`mask-${shape}`}>
            <Icon size={18} aria-hidden />
          </Toggle>
        ))}
      </Group>
      <Group label={t("mask.whole")}>
        {WHOLE.map(([edit, key, Icon]) => (
          <button key={edit} type="button" className="icon-button" aria-label={t(key)} title={t(key)} onClick={() => onEdit(edit)} data-testid={`mask-${edit}`}>
            <Icon size={18} aria-hidden />
          </button>
        ))}
      </Group>
      <Slider label={t("mask.size")} value={Math.sqrt((tool.size - SIZES.least) / (SIZES.most - SIZES.least))} onChange={(position) => set({ size: SIZES.least + position ** 2 * (SIZES.most - SIZES.least) })} testid="mask-size" />
      <Slider label={t("mask.soft")} value={tool.soft} onChange={(soft) => set({ soft })} testid="mask-soft" />
    </div>
  );
}

function Group({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div role="group" aria-label={label} className="flex">
      {children}
    </div>
  );
}

function Toggle({ label, on, onClick, testid, children }: { label: string; on: boolean; onClick: () => void; testid: string; children: ReactNode }) {
  return (
    <button type="button" className="icon-button" aria-label={label} title={label} aria-pressed={on} onClick={onClick} data-testid={testid}>
      {children}
    </button>
  );
}

/** A slider from 0 to 1. */
function Slider({ label, value, onChange, testid }: { label: string; value: number; onChange: (value: number) => void; testid: string }) {
  const percent = Math.round(100 * value);
  return (
    <label className="flex min-w-32 flex-1 items-center gap-2 text-sm">
      <span className="shrink-0 text-soft">{label}</span>
      <input
        type="range"
        className="slider min-w-0 flex-1"
        min={0}
        max={100}
        value={percent}
        data-testid={testid}
        style={{ "--share": `${percent}%` } as CSSProperties}
        onChange={(event) => onChange(Number(event.target.value) / 100)}
      />
    </label>
  );
}
