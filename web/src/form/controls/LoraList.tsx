/** LoRA files with a strength each: a row per file, and a list from which another one is added. */

import { X } from "lucide-react";
import type { CSSProperties } from "react";
import { useI18n } from "../../i18n";
import { useModels } from "../../store/queries";
import type { ControlProps } from "../Control";
import { NumberInput } from "./NumberInput";

interface Lora { name: string; weight: number; text_weight?: number | null }

const RANGE = { min: -1, max: 2, step: 0.05 };

/** How much of the slider is filled, in percent. */
const share = (weight: number): number => (Number.isFinite(weight) ? Math.min(100, Math.max(0, (100 * (weight - RANGE.min)) / (RANGE.max - RANGE.min))) : 0);

export function LoraList({ field, value, onChange, id, describedBy, invalid }: ControlProps) {
  const { t, w } = useI18n();
  const models = (useModels() ?? []).filter((model) => model.holds === field.holds && model.installed);
  const loras = Array.isArray(value) ? (value as Lora[]) : [];
  const title = (name: string): string => w(models.find((model) => model.name === name)?.title ?? { en: name, zh: name });
  const rest = models.filter((model) => !loras.some((lora) => lora.name === model.name));
  const change = (index: number, weight: number) => onChange(loras.map((lora, at) => (at === index ? { ...lora, weight } : lora)));
  return (
    <div className="grid gap-2">
      {loras.map((lora, index) => (
        <div key={lora.name} className="grid grid-cols-[minmax(0,1fr)_auto_auto] items-center gap-x-3" data-testid={`lora-${lora.name}`}>
          <label htmlFor={`${id}-${index}`} className="truncate" title={lora.name}>
            {title(lora.name)}
          </label>
          <NumberInput id={`${id}-${index}`} value={lora.weight} nullable={false} whole={false} invalid={!Number.isFinite(lora.weight)} describedBy={describedBy} onChange={(weight) => change(index, weight ?? Number.NaN)} />
          <button type="button" className="icon-button" aria-label={t("lora.remove", { name: title(lora.name) })} onClick={() => onChange(loras.filter((_, at) => at !== index))}>
            <X size={16} aria-hidden />
          </button>
          <input type="range" {...RANGE} className="slider col-span-3 w-full" style={{ "--share": `${share(lora.weight)}%` } as CSSProperties} value={Number.isFinite(lora.weight) ? lora.weight : 0} aria-label={t("lora.weight", { name: title(lora.name) })} onChange={(event) => change(index, Number(event.target.value))} />
        </div>
      ))}
      {models.length === 0 && <p className="note">{t("lora.none")}</p>}
      {loras.length < (field.max_items ?? 8) && models.length > 0 && (
        <select id={id} className="input w-full" value="" aria-label={t("lora.add")} disabled={rest.length === 0} aria-invalid={invalid} aria-describedby={describedBy} onChange={(event) => onChange([...loras, { name: event.target.value, weight: 1 }])}>
          <option value="">{t(rest.length ? "lora.add" : "lora.all")}</option>
          {rest.map((model) => (
            <option key={model.name} value={model.name}>
              {w(model.title)}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}
