/** A form made from a method's fields: the plain ones on show, the advanced folded. */

import { ChevronRight, RotateCcw } from "lucide-react";
import { useState } from "react";
import type { FieldInfo, Method } from "../api/types";
import { useSpeech } from "../i18n";
import { Control } from "./Control";
import { check, counts, initialValue, isPicture, same, type Values } from "./values";

interface Props {
  method: Method; values: Values; onChange: (field: FieldInfo, value: unknown) => void; onReset: () => void;
  /** The server's words on fields, by name. */
  said: Record<string, string>;
  /** Whether blank fields are said to be missing: not before the first try. */
  strict: boolean;
  lastSeed: number | null;
}

export function Form({ method, values, onChange, onReset, said, strict, lastSeed }: Props) {
  const { t } = useSpeech();
  const wrong = (field: FieldInfo): boolean => field.name in said || (strict && check(field, values[field.name], values) !== null);
  // The subject first, then other required pictures, then the class's own order; the seed comes last from the server.
  const rank = (field: FieldInfo): number => (field.name === method.subject ? 0 : field.required && isPicture(field) ? 1 : 2);
  const sorted = method.fields.filter((field) => counts(field, values)).sort((a, b) => rank(a) - rank(b));
  const basic = sorted.filter((field) => field.group === "basic");
  const advanced = sorted.filter((field) => field.group === "advanced");
  const changed = (list: FieldInfo[]) => list.filter((field) => !isPicture(field) && !same(values[field.name], initialValue(field))).length;
  const [open, setOpen] = useState(false);
  const unfolded = open || advanced.some(wrong);
  const row = (field: FieldInfo) => (
    <Row key={field.name} method={method} field={field} values={values} onChange={(value) => onChange(field, value)} said={said[field.name]} strict={strict} lastSeed={lastSeed} />
  );
  return (
    <div className="flex flex-col gap-5">
      {basic.map(row)}
      {advanced.length > 0 && (
        <section className="border-t border-line pt-3">
          <button type="button" className="flex w-full items-center gap-2 py-1 text-left font-medium" aria-expanded={unfolded} onClick={() => setOpen(!unfolded)} data-testid="advanced">
            <ChevronRight size={18} aria-hidden className={`transition-transform ${unfolded ? "rotate-90" : ""}`} />
            {t("form.advanced")}
            {!unfolded && changed(advanced) > 0 && <span className="badge">{t("form.changed", { n: changed(advanced) })}</span>}
          </button>
          {unfolded && <div className="mt-3 flex flex-col gap-5">{advanced.map(row)}</div>}
        </section>
      )}
      {changed(method.fields) > 0 && (
        <button type="button" className="link flex items-center gap-1.5 self-start text-sm" onClick={onReset}>
          <RotateCcw size={14} aria-hidden />
          {t("form.reset")}
        </button>
      )}
    </div>
  );
}

interface RowProps { method: Method; field: FieldInfo; values: Values; onChange: (value: unknown) => void; said: string | undefined; strict: boolean; lastSeed: number | null }

/** Kinds that one element of a form stands for, so that a <label> can point at it. */
const labelled = (field: FieldInfo): boolean => !isPicture(field);

function Row({ method, field, values, onChange, said, strict, lastSeed }: RowProps) {
  const { t, w, number } = useSpeech();
  const id = `f-${field.name}`;
  const value = values[field.name];
  const found = check(field, value, values);
  const blank = value === null || value === "" || (Array.isArray(value) && !value.length);
  const fault = said ?? (found && (strict || !blank) ? t(found.key, Object.fromEntries(Object.entries(found.values ?? {}).map(([key, item]) => [key, typeof item === "number" && key === "limit" ? number(item) : item]))) : null);
  const hint = w(field.hint);
  const describedBy = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(" ") || undefined;
  const inline = field.kind === "bool";
  const resettable = !isPicture(field) && !field.required && !same(value, initialValue(field));
  const control = <Control method={method} field={field} values={values} value={value} onChange={onChange} id={id} describedBy={describedBy} invalid={fault !== null} lastSeed={lastSeed} />;
  const label = (
    <span className="flex items-baseline gap-1.5">
      {labelled(field) ? (
        <label id={`${id}-label`} htmlFor={id} className="font-medium">
          {w(field.label)}
        </label>
      ) : (
        <span id={`${id}-label`} className="font-medium">
          {w(field.label)}
        </span>
      )}
      {isPicture(field) && !field.required && <span className="text-xs text-soft">{t("field.optional")}</span>}
      {resettable && (
        <button type="button" className="icon-button -my-2 size-7" aria-label={t("field.reset", { field: w(field.label) })} title={t("form.reset")} onClick={() => onChange(initialValue(field))}>
          <RotateCcw size={13} aria-hidden />
        </button>
      )}
    </span>
  );
  return (
    <div data-testid={`field-${field.name}`} data-field={field.name} role="group" aria-labelledby={`${id}-label`}>
      <div className={inline ? "flex items-center justify-between gap-3" : "mb-1.5"}>
        {label}
        {inline && control}
      </div>
      {!inline && control}
      {fault && (
        <p id={`${id}-fault`} className="mt-1.5 text-sm text-bad" role="alert">
          {fault}
        </p>
      )}
      {hint && (
        <p id={`${id}-hint`} className="mt-1.5 text-xs leading-relaxed text-soft">
          {hint}
        </p>
      )}
    </div>
  );
}
