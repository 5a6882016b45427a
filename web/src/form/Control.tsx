/** The control for a field, one per kind. No method is known here. */

import type { FieldInfo, Method } from "../api/types";
import { pictureIds, SEED, type Values } from "../fields/values";
import { formOf, formState } from "../store/form";
import { Choices, MultiChoice } from "./controls/Choices";
import { LoraList } from "./controls/LoraList";
import { ModelSelect } from "./controls/ModelSelect";
import { NumberList } from "./controls/NumberList";
import { Numeric } from "./controls/Numeric";
import { Seed } from "./controls/Seed";
import { StylePicker } from "./controls/StylePicker";
import { ImageField } from "./ImageField";
import { MaskField } from "./MaskField";

export interface ControlProps {
  method: Method; field: FieldInfo; values: Values; value: unknown; onChange: (value: unknown) => void; id: string; describedBy: string | undefined; invalid: boolean;
  lastSeed: number | null;
}

export function Control(props: ControlProps) {
  const { method, field, values, value, onChange, id, describedBy, invalid } = props;
  const isSubject = field.name === method.subject;
  const text = typeof value === "string" ? value : "";
  const aria = { "aria-invalid": invalid, "aria-describedby": describedBy };
  const images = { field, value: pictureIds(value), now: () => pictureIds(formOf(method, formState.get())[field.name]), describedBy, invalid };
  if (field.name === SEED) return <Seed {...props} />;
  switch (field.kind) {
    case "text":
      return <input id={id} type="text" className="input w-full" value={text} {...aria} onChange={(event) => onChange(event.target.value)} />;
    case "long_text":
      return <textarea id={id} rows={isSubject ? 5 : 3} className="input w-full resize-y" value={text} {...aria} onChange={(event) => onChange(event.target.value)} />;
    case "int":
    case "float":
      return <Numeric {...props} />;
    case "bool":
      return <input id={id} type="checkbox" role="switch" className="switch" checked={Boolean(value)} aria-describedby={describedBy} onChange={(event) => onChange(event.target.checked)} />;
    case "choice":
      return <Choices {...props} />;
    case "numbers":
      return <NumberList {...props} />;
    case "methods":
      return <MultiChoice {...props} />;
    case "image":
      return <ImageField {...images} limit={1} onChange={(ids) => onChange(ids[0] ?? null)} large={isSubject} />;
    case "images":
    case "dataset":
      return <ImageField {...images} limit={field.max_items ?? 16} onChange={onChange} large={isSubject} />;
    case "masks":
      return <MaskField method={method} field={field} values={values} now={images.now} onChange={onChange} describedBy={describedBy} invalid={invalid} />;
    case "loras":
      return <LoraList {...props} />;
    case "style":
      return <StylePicker {...props} />;
    case "weights":
      return <ModelSelect {...props} />;
  }
}
