/** A form generated from a method's fields: the basic ones visible, the advanced ones folded. */

import { ChevronRight, RotateCcw } from "lucide-react";
import { useState } from "react";
import type { FieldInfo, Method } from "../api/types";
import { check, type FieldError } from "../fields/check";
import { initialValue, isActive, isBlank, isEqual, isPicture, type Values } from "../fields/values";
import { useI18n } from "../i18n";
import { Control } from "./Control";

interface Props {
  method: Method; values: Values; onChange: (field: FieldInfo, value: unknown) => void; onReset: () => void;
  /** The server's errors by field name. */
  errors: Record<string, string>;
  /** Whether blank required fields are reported: not before the first attempt. */
  strict: boolean;
  lastSeed: number | null;
}

export function Form({ method, values, onChange, onReset, errors, strict, lastSeed }: Props) {
  const { t } = useI18n();
  const isWrong = (field: FieldInfo): boolean => field.name in errors || (strict && check(field, values[field.name], values) !== null);
  // The subject first, then other required pictures, then the class's own order; the seed comes last from the server.
  const rank = (field: FieldInfo): number => (field.name === method.subject ? 0 : field.required && isPicture(field) ? 1 : 2);
  const sorted = method.fields.filter((field) => isActive(field, values)).sort((a, b) => rank(a) - rank(b));
  const basic = sorted.filter((field) => field.group === "basic");
  const advanced = sorted.filter((field) => field.group === "advanced");
  const changed = (list: FieldInfo[]) => list.filter((field) => !isPicture(field) && !isEqual(values[field.name], initialValue(field))).length;
  const [open, setOpen] = useState(false);
  const unfolded = open || advanced.some(isWrong);
  const row = (field: FieldInfo) => (
    <Row key={field.name} method={method} field={field} values={values} onChange={(value) => onChange(field, value)} error={errors[field.name]} strict={strict} lastSeed={lastSeed} />
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

/** A field's error as a sentence; limits are formatted as numbers of the language. */
function useFieldError(): (error: FieldError) => string {
  const { t, number } = useI18n();
  return ({ key, values = {} }) => t(key, Object.fromEntries(Object.entries(values).map(([name, item]) => [name, typeof item === "number" && name === "limit" ? number(item) : item])));
}

interface RowProps { method: Method; field: FieldInfo; values: Values; onChange: (value: unknown) => void; error: string | undefined; strict: boolean; lastSeed: number | null }

/** Whether the control is one form element, so that a <label> can point at it. */
const isLabelled = (field: FieldInfo): boolean => !isPicture(field) && field.kind !== "loras" && field.kind !== "style";

function Row({ method, field, values, onChange, error, strict, lastSeed }: RowProps) {
  const { t, w } = useI18n();
  const describe = useFieldError();
  const id = `f-${field.name}`;
  const value = values[field.name];
  const found = check(field, value, values);
  const message = error ?? (found && (strict || !isBlank(value)) ? describe(found) : null);
  const hint = w(field.hint);
  const describedBy = [hint && `${id}-hint`, message && `${id}-error`].filter(Boolean).join(" ") || undefined;
  const inline = field.kind === "bool";
  const resettable = !isPicture(field) && !field.required && !isEqual(value, initialValue(field));
  const control = <Control method={method} field={field} values={values} value={value} onChange={onChange} id={id} describedBy={describedBy} invalid={message !== null} lastSeed={lastSeed} />;
  const label = (
    <span className="flex items-baseline gap-1.5">
      {isLabelled(field) ? (
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
      {message && (
        <p id={`${id}-error`} className="mt-1.5 text-sm text-bad" role="alert">
          {message}
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
