/** One of several choices, or any of them. */

import { Check, CloudDownload, Sparkles, Star } from "lucide-react";
import { useI18n } from "../../i18n";
import { Picture } from "../../parts/Picture";
import type { ControlProps } from "../Control";
import { Needs, useModel } from "../Needs";

/** Up to this many choices are all visible; more become a list. */
const MAX_PILLS = 9;

export function Choices({ field, value, onChange, id, describedBy, invalid }: ControlProps) {
  const { t, w } = useI18n();
  const chosen = field.choices.find((choice) => choice.value === value);
  const pictured = field.choices.some((choice) => choice.picture);
  return (
    <div>
      {pictured ? (
        <div role="radiogroup" aria-labelledby={`${id}-label`} aria-describedby={describedBy} className="picture-grid" id={id}>
          {field.choices.map((choice) => (
            <label key={choice.value} className="picture-choice">
              <input type="radio" name={id} value={choice.value} checked={value === choice.value} onChange={() => onChange(choice.value)} className="sr-only" />
              {choice.picture ? <Picture src={choice.picture} alt="" loading="lazy" width={160} height={120} className="aspect-4/3 w-full object-cover" /> : <span aria-hidden className="flex aspect-4/3 w-full items-center justify-center bg-tint"><Sparkles size={20} className="text-soft" /></span>}
              <span className="block px-1.5 py-1 text-xs leading-tight">{w(choice.label)}</span>
            </label>
          ))}
        </div>
      ) : field.choices.length > MAX_PILLS ? (
        <select id={id} className="input w-full" value={chosen?.value ?? ""} aria-invalid={invalid} aria-describedby={describedBy} onChange={(event) => onChange(event.target.value || null)}>
          {field.nullable && <option value="">{t("field.auto")}</option>}
          {field.choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {w(choice.label)}
              {choice.best ? ` ★ ${t("choice.best")}` : ""}
            </option>
          ))}
        </select>
      ) : (
        <div role="radiogroup" aria-labelledby={`${id}-label`} aria-describedby={describedBy} className="flex flex-wrap gap-1.5" id={id}>
          {field.nullable && <Pill name={id} label={t("field.auto")} checked={value === null} onPick={() => onChange(null)} needs={null} best={false} />}
          {field.choices.map((choice) => (
            <Pill key={choice.value} name={id} value={choice.value} label={w(choice.label)} checked={value === choice.value} onPick={() => onChange(choice.value)} needs={choice.needs} best={choice.best} />
          ))}
        </div>
      )}
      {chosen?.needs && <Needs model={chosen.needs} />}
    </div>
  );
}

interface PillProps { name: string; value?: string; label: string; checked: boolean; onPick: () => void; needs: string | null; best: boolean }

function Pill({ name, value, label, checked, onPick, needs, best }: PillProps) {
  const { t, w } = useI18n();
  const model = useModel(needs);
  const missing = model !== undefined && !model.installed;
  return (
    <label className="pill">
      <input type="radio" name={name} value={value} checked={checked} onChange={onPick} className="sr-only" />
      {checked && <Check size={14} aria-hidden className="shrink-0" />}
      <span>{label}</span>
      {best && (
        <span className="badge" title={t("choice.best")}>
          <Star size={11} aria-hidden fill="currentColor" />
          <span className="sr-only">{t("choice.best")}</span>
        </span>
      )}
      {missing && (
        <span title={t("choice.needs", { model: w(model.title) })}>
          <CloudDownload size={14} aria-hidden className="opacity-70" />
          <span className="sr-only">{t("choice.needs", { model: w(model.title) })}</span>
        </span>
      )}
    </label>
  );
}

/** Any of a list, in the order in which they were picked. */
export function MultiChoice({ field, value, onChange, id, describedBy }: ControlProps) {
  const { w } = useI18n();
  const picked = Array.isArray(value) ? (value as string[]) : [];
  const toggle = (one: string) => onChange(picked.includes(one) ? picked.filter((other) => other !== one) : [...picked, one]);
  return (
    <div role="group" aria-labelledby={`${id}-label`} aria-describedby={describedBy} className="flex flex-wrap gap-1.5" id={id}>
      {field.choices.map((choice) => (
        <label key={choice.value} className="pill">
          <input type="checkbox" name={id} value={choice.value} checked={picked.includes(choice.value)} onChange={() => toggle(choice.value)} className="sr-only" />
          {picked.includes(choice.value) && <Check size={14} aria-hidden className="shrink-0" />}
          <span>{w(choice.label)}</span>
        </label>
      ))}
    </div>
  );
}
