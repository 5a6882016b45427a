/** The kinds of fields: where a value starts and what it may be. One entry per kind; `form/Control.tsx` draws each. */

import type { FieldInfo } from "../api/types";

interface Kind {
  initial: (field: FieldInfo) => unknown;
  /** Whether the control can show `value`, which is not null. */
  accepts: (value: unknown, field: FieldInfo) => boolean;
  /** One picture, or a list of pictures. */
  pictures?: "one" | "many";
  /** An empty list counts as a value of a required field, if the field's least number of items allows it. */
  mayBeEmpty?: boolean;
}

const isText = (value: unknown): boolean => typeof value === "string";
const listOf = (accepts: Kind["accepts"]): Kind["accepts"] => (value, field) => Array.isArray(value) && value.every((item) => accepts(item, field));
const isChoice: Kind["accepts"] = (value, field) => field.choices.some((choice) => choice.value === value);

const isLora = (value: unknown): boolean => typeof value === "object" && value !== null && "name" in value && typeof (value as { weight?: unknown }).weight === "number";

const text: Kind = { initial: () => "", accepts: isText };
const number: Kind = { initial: (field) => field.minimum ?? 0, accepts: (value) => typeof value === "number" };
const pictures: Kind = { initial: () => [], accepts: listOf(isText), pictures: "many", mayBeEmpty: true };

export const KINDS: Record<FieldInfo["kind"], Kind> = {
  text,
  long_text: text,
  int: number,
  float: number,
  bool: { initial: () => false, accepts: (value) => typeof value === "boolean" },
  choice: { initial: (field) => field.choices[0]?.value ?? "", accepts: isChoice },
  numbers: { initial: () => [], accepts: listOf((item) => typeof item === "number"), mayBeEmpty: true },
  methods: { initial: () => [], accepts: listOf(isChoice) },
  image: { initial: () => null, accepts: isText, pictures: "one" },
  images: pictures,
  masks: pictures,
  dataset: pictures,
  loras: { initial: () => [], accepts: listOf(isLora) },
  weights: text,
  style: text,
};
