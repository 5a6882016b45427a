/** Several numbers in one line, separated by commas or spaces. */

import { useState } from "react";
import { isEqual } from "../../fields/values";
import { useI18n } from "../../i18n";
import type { ControlProps } from "../Control";

const parse = (text: string): number[] => text.split(/[\s,，;]+/).filter(Boolean).map(Number);

export function NumberList({ field, value, onChange, id, describedBy, invalid }: ControlProps) {
  const { t } = useI18n();
  const numbers = Array.isArray(value) ? (value as number[]) : [];
  const shown = numbers.map((item) => (Number.isNaN(item) ? "?" : String(item))).join(", ");
  const [typed, setTyped] = useState(shown);
  // Other text for the same numbers stays as typed.
  const text = isEqual(parse(typed), parse(shown)) ? typed : shown;
  return (
    <input
      id={id}
      type="text"
      inputMode="decimal"
      className="input w-full tabular-nums"
      placeholder={field.nullable || !field.required ? t("field.auto") : "1, 1"}
      value={text}
      aria-invalid={invalid}
      aria-describedby={describedBy}
      onChange={(event) => {
        setTyped(event.target.value);
        const list = parse(event.target.value);
        onChange(list.length || !field.nullable ? list : null);
      }}
    />
  );
}
