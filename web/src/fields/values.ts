/** A form's values and where they start. Knows field kinds, never methods. */

import type { FieldInfo, Method } from "../api/types";
import { KINDS } from "./kinds";

export type Values = Record<string, unknown>;

/** Every method has a seed; -1 asks the server to draw one. */
export const SEED = "seed";
export const ANY_SEED = -1;

/** Whether the field holds one picture or several. */
export const isPicture = (field: FieldInfo): boolean => KINDS[field.kind].pictures !== undefined;
export const holdsPictures = (field: FieldInfo): boolean => KINDS[field.kind].pictures === "many";

export function initialValue(field: FieldInfo): unknown {
  if (field.name === SEED) return ANY_SEED;
  if (field.default !== null && field.default !== undefined) return field.default;
  if (field.nullable && !field.required) return null;
  return KINDS[field.kind].initial(field);
}

export const initialValues = (method: Method): Values => Object.fromEntries(method.fields.map((field) => [field.name, initialValue(field)]));

/** Whether the field applies, given the other values. */
export const isActive = (field: FieldInfo, values: Values): boolean => !field.when || field.when.values.includes(String(values[field.when.field]));

/** Saved values that are still valid; the initial value for every other field. Also turns a job's params into form values. */
export function restoreValues(method: Method, saved: Values): Values {
  const values = initialValues(method);
  for (const field of method.fields) if (field.name in saved && isValidType(field, saved[field.name])) values[field.name] = saved[field.name];
  return values;
}

/** Whether `value` is of a type that the field's control can show. */
export const isValidType = (field: FieldInfo, value: unknown): boolean =>
  value === null ? field.nullable || KINDS[field.kind].pictures === "one" : KINDS[field.kind].accepts(value, field);

export const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export const isBlank = (value: unknown): boolean => value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);

/** The pictures of a field's value, one or several. */
export const pictureIds = (value: unknown): string[] => (Array.isArray(value) ? value : [value]).filter((id): id is string => typeof id === "string" && id !== "");

/** `masks` after the pictures they belong to changed from `before` to `after`: each mask follows its picture. */
export function reorderMasks(masks: string[], before: string[], after: string[]): string[] {
  if (masks.length !== before.length) return masks;
  return after.flatMap((id) => masks[before.indexOf(id)] ?? []);
}
