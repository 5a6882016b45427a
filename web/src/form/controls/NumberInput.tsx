/** A number as typed: text that is not a number yet stays as it is and is reported, not corrected. */

import { useState } from "react";

interface Props {
  id: string; value: number | null; nullable: boolean; invalid: boolean; describedBy: string | undefined; placeholder?: string;
  onChange: (value: number | null) => void; whole: boolean; disabled?: boolean;
}

export function NumberInput({ id, value, nullable, invalid, describedBy, placeholder, onChange, whole, disabled }: Props) {
  const [typed, setTyped] = useState("");
  // Other text for the same number stays as typed, such as "0," or "1e3".
  const isCurrent = Number.isNaN(value) || (typed.trim() !== "" && Number(typed.replace(",", ".")) === value);
  const text = isCurrent ? typed : value === null ? "" : String(value);
  return (
    <input
      id={id}
      type="text"
      inputMode={whole ? "numeric" : "decimal"}
      autoComplete="off"
      className="input w-24 text-right tabular-nums"
      value={text}
      placeholder={placeholder}
      disabled={disabled}
      aria-invalid={invalid}
      aria-describedby={describedBy}
      onChange={(event) => {
        setTyped(event.target.value);
        const plain = event.target.value.trim().replace(",", ".");
        onChange(plain === "" ? (nullable ? null : Number.NaN) : Number(plain));
      }}
    />
  );
}
