/** What to paint a mask with. */

import { Brush, Contrast, Eraser, Lasso, PaintBucket, PenLine, RectangleHorizontal, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { useSpeech, type Key } from "../i18n";
import type { Tool } from "./Board";
import type { Deed } from "./sheet";

const SHAPES: [Tool["shape"], Key, typeof Brush][] = [["brush", "mask.brush", PenLine], ["lasso", "mask.lasso", Lasso], ["box", "mask.box", RectangleHorizontal]];
const WHOLE: [Deed & string, Key, typeof Brush][] = [["fill", "mask.fill", PaintBucket], ["invert", "mask.invert", Contrast], ["clear", "mask.clear", Trash2]];

/** The brush's sizes, as shares of the picture's longest side. */
export const SIZES = { least: 0.005, most: 0.4, first: 0.08 };

export function Tools({ tool, onTool, onDeed }: { tool: Tool; onTool: (tool: Tool) => void; onDeed: (deed: Deed) => void }) {
  const { t } = useSpeech();
  const set = (patch: Partial<Tool>) => onTool({ ...tool, ...patch });
  return (
    <div className="mask-tools">
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
        {WHOLE.map(([deed, key, Icon]) => (
          <button key={deed} type="button" className="icon-button" aria-label={t(key)} title={t(key)} onClick={() => onDeed(deed)} data-testid={`mask-${deed}`}>
            <Icon size={18} aria-hidden />
          </button>
        ))}
      </Group>
      <Slider label={t("mask.size")} value={Math.sqrt((tool.size - SIZES.least) / (SIZES.most - SIZES.least))} onChange={(share) => set({ size: SIZES.least + share ** 2 * (SIZES.most - SIZES.least) })} testid="mask-size" />
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

/** A slider of 0 to 1. */
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
        style={{ "--share": `${percent}%` } as React.CSSProperties}
        onChange={(event) => onChange(Number(event.target.value) / 100)}
      />
    </label>
  );
}
