/** A number as typed: what is not a number yet stays visible, and is said to be wrong instead of being bent. */

import { useEffect, useState } from "react";

interface Props {
  id: string; value: number | null; nullable: boolean; invalid: boolean; describedBy: string | undefined; placeholder?: string;
  onChange: (value: number | null) => void; whole: boolean; disabled?: boolean;
}

export function NumberInput({ id, value, nullable, invalid, describedBy, placeholder, onChange, whole, disabled }: Props) {
  const shown = value === null || Number.isNaN(value) ? "" : String(value);
  const [text, setText] = useState(shown);
  useEffect(() => {
    setText((typed) => (typed.trim() !== "" && Number(typed.replace(",", ".")) === value ? typed : Number.isNaN(value) ? typed : shown));
  }, [shown, value]);
  return (
    <input
      id={id}
      type="text"
      inputMode={whole ? "numeric" : "decimal"}
      autoComplete="off"
      className="input tabular w-24 text-right"
      value={text}
      placeholder={placeholder}
      disabled={disabled}
      aria-invalid={invalid}
      aria-describedby={describedBy}
      onChange={(event) => {
        const typed = event.target.value;
        setText(typed);
        const plain = typed.trim().replace(",", ".");
        onChange(plain === "" ? (nullable ? null : Number.NaN) : Number(plain));
      }}
    />
  );
}
