/** A number, with a slider where its range has two ends. */

import type { CSSProperties } from "react";
import { sliderRange } from "../../fields/slider";
import { useI18n } from "../../i18n";
import type { ControlProps } from "../Control";
import { NumberInput } from "./NumberInput";

export function Numeric({ field, value, onChange, id, describedBy, invalid }: ControlProps) {
  const { t, w } = useI18n();
  const range = sliderRange(field);
  const number = typeof value === "number" ? value : null;
  const position = range?.log && number !== null ? Math.log10(Math.max(number, Number.MIN_VALUE)) : number;
  const move = (to: number) => {
    if (!range) return;
    const near = range.log ? Number((10 ** to).toPrecision(2)) : to;
    const raw = range.log && field.step ? Math.round(near / field.step) * field.step : near;
    const bounded = Math.min(field.maximum ?? field.below ?? raw, Math.max(field.minimum ?? field.above ?? raw, raw));
    onChange(field.kind === "int" ? Math.round(bounded) : Number(bounded.toPrecision(10)));
  };
  const filled = range && number !== null ? Math.min(1, Math.max(0, ((position ?? range.min) - range.min) / (range.max - range.min))) : 0;
  return (
    <div className="flex items-center gap-3">
      {range && (
        <input
          type="range"
          className={`slider min-w-0 flex-1 ${number === null ? "slider-auto" : ""}`}
          min={range.min}
          max={range.max}
          step={range.step}
          value={position ?? (range.min + range.max) / 2}
          aria-label={w(field.label)}
          aria-valuetext={number === null ? t("field.auto") : String(number)}
          style={{ "--share": `${filled * 100}%` } as CSSProperties}
          onChange={(event) => move(Number(event.target.value))}
        />
      )}
      <NumberInput id={id} value={number} nullable={field.nullable} whole={field.kind === "int"} invalid={invalid} describedBy={describedBy} placeholder={field.nullable ? t("field.auto") : undefined} onChange={onChange} />
      {field.unit && <span className="text-sm text-soft">{field.unit}</span>}
    </div>
  );
}
