/** A form's values: where they start, what is wrong with them, and how they become params. Knows kinds, never methods. */

import type { FieldInfo, Method } from "../api/types";
import type { Key } from "../i18n";

export type Values = Record<string, unknown>;
export interface Fault { key: Key; values?: Record<string, string | number> }

/** The seed is of every method's params: -1 asks the server to draw one. */
export const SEED = "seed";
export const ANY_SEED = -1;

/** Whether the field holds a picture, or several. */
export const isPicture = (field: FieldInfo): boolean => field.kind === "image" || holdsPictures(field);
export const holdsPictures = (field: FieldInfo): boolean => field.kind === "images" || field.kind === "masks";

export function initialValue(field: FieldInfo): unknown {
  if (field.name === SEED) return ANY_SEED;
  if (field.default !== null && field.default !== undefined) return field.default;
  if (field.nullable && !field.required) return null;
  switch (field.kind) {
    case "text":
    case "long_text":
    case "weights":
      return "";
    case "bool":
      return false;
    case "choice":
      return field.choices[0]?.value ?? "";
    case "images":
    case "masks":
    case "numbers":
    case "methods":
      return [];
    case "int":
    case "float":
      return field.minimum ?? 0;
    case "image":
      return null;
  }
}

export const initialValues = (method: Method): Values => Object.fromEntries(method.fields.map((field) => [field.name, initialValue(field)]));

/** Whether the field matters as the other values stand. */
export const counts = (field: FieldInfo, values: Values): boolean => !field.when || field.when.values.includes(String(values[field.when.field]));

/** Saved values, minus what the method no longer knows, plus what it has learnt since. */
export function mend(method: Method, saved: Values): Values {
  const values = initialValues(method);
  for (const field of method.fields) if (field.name in saved && fits(field, saved[field.name])) values[field.name] = saved[field.name];
  return values;
}

/** Whether `value` is of a type that the field's control can show. */
export function fits(field: FieldInfo, value: unknown): boolean {
  if (value === null) return field.nullable || field.kind === "image";
  switch (field.kind) {
    case "bool":
      return typeof value === "boolean";
    case "int":
    case "float":
      return typeof value === "number";
    case "choice":
      return field.choices.some((choice) => choice.value === value);
    case "images":
    case "masks":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "numbers":
      return Array.isArray(value) && value.every((item) => typeof item === "number");
    case "methods":
      return Array.isArray(value) && value.every((item) => field.choices.some((choice) => choice.value === item));
    default:
      return typeof value === "string";
  }
}

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const blank = (value: unknown): boolean => value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);

/** The pictures of a field's value, one or several. */
export const picturesOf = (value: unknown): string[] => (Array.isArray(value) ? value : [value]).filter((id): id is string => typeof id === "string" && id !== "");

/** `masks` after the pictures they belong to went from `before` to `after`: each follows its own. */
export function followed(masks: string[], before: string[], after: string[]): string[] {
  if (masks.length !== before.length) return masks;
  return after.flatMap((id) => masks[before.indexOf(id)] ?? []);
}

/** What is wrong with `value` among the other `values`; null if nothing that can be seen from here. The server looks again. */
export function check(field: FieldInfo, value: unknown, values: Values): Fault | null {
  const least = field.min_items ?? 0;
  if (blank(value)) {
    const wanted = field.required && (!holdsPictures(field) && field.kind !== "numbers" ? true : least > 0);
    if (!wanted) return null;
    if (isPicture(field)) return { key: "check.picture" };
    return { key: "check.required" };
  }
  if (field.kind === "int" || field.kind === "float") return checkNumber(field, value as number);
  if (field.kind === "numbers" && (value as number[]).some((item) => checkNumber(field, item))) return (value as number[]).map((item) => checkNumber(field, item)).find(Boolean) ?? null;
  if (Array.isArray(value)) {
    const wanted = field.per === null ? value.length : picturesOf(values[field.per]).length;
    if (value.length !== wanted) return { key: "check.masks", values: { n: value.length, wanted } };
    if (value.length < least) return { key: "check.few", values: { n: least } };
    if (field.max_items !== null && value.length > field.max_items) return { key: "check.many", values: { n: field.max_items } };
  }
  if (typeof value === "string" && field.max_length !== null && value.length > field.max_length) return { key: "check.long", values: { n: field.max_length } };
  return null;
}

function checkNumber(field: FieldInfo, value: number): Fault | null {
  if (field.name === SEED && value === ANY_SEED) return null;
  if (!Number.isFinite(value)) return { key: "check.number" };
  if (field.kind === "int" && !Number.isInteger(value)) return { key: "check.whole" };
  if (field.minimum !== null && value < field.minimum) return { key: "check.least", values: { limit: field.minimum } };
  if (field.above !== null && value <= field.above) return { key: "check.above", values: { limit: field.above } };
  if (field.maximum !== null && value > field.maximum) return { key: "check.most", values: { limit: field.maximum } };
  if (field.below !== null && value >= field.below) return { key: "check.below", values: { limit: field.below } };
  return null;
}

export function checkAll(method: Method, values: Values): Record<string, Fault> {
  const found = method.fields.filter((field) => counts(field, values)).map((field) => [field.name, check(field, values[field.name], values)] as const);
  return Object.fromEntries(found.filter((pair): pair is readonly [string, Fault] => pair[1] !== null));
}

/** Params to send. What is blank and not required is left out, so that the server's own default stands; so is what is wrong where it does not count. */
export function toParams(method: Method, values: Values): Values {
  const params: Values = { method: method.name };
  for (const field of method.fields) {
    const value = values[field.name];
    if (value === undefined || (blank(value) && !field.required && !(value === null && field.nullable))) continue;
    if (!counts(field, values) && check(field, value, values)) continue;
    params[field.name] = value;
  }
  return params;
}

/** A job's params as a form's values. */
export const fromParams = (method: Method, params: Values): Values => mend(method, params);

/** The server's sentence ("strength: …; style.0: …") cut into sentences by field; `null` holds what names none. */
export function byField(detail: string, names: string[]): { fields: Record<string, string>; rest: string } {
  const fields: Record<string, string> = {};
  if (!names.length) return { fields, rest: detail };
  const start = new RegExp(`(?:^|; )(?:\\w+\\.)?(${names.map((name) => name.replace(/\W/g, "\\$&")).join("|")})(?:\\.[\\w.[\\]]+)?: `, "g");
  const hits = [...detail.matchAll(start)];
  const rest = hits.length ? detail.slice(0, hits[0]?.index) : detail;
  hits.forEach((hit, n) => {
    const text = detail.slice(hit.index + hit[0].length, hits[n + 1]?.index ?? detail.length);
    const name = hit[1] ?? "";
    fields[name] = fields[name] ? `${fields[name]}; ${text}` : text;
  });
  return { fields, rest };
}

/** A number's slider, where its range has two ends; `log` where it spans more than two powers of ten, counted from one step above an end that is 0 and out. */
export interface Slide { min: number; max: number; step: number; log: boolean }

export function slide(field: FieldInfo): Slide | null {
  const min = field.minimum ?? field.above;
  const max = field.maximum ?? field.below;
  if (min === null || max === null || field.name === SEED || max <= min) return null;
  const low = field.above === 0 ? (field.step ?? 0) : min;
  const log = low > 0 && max / low > 100;
  if (log) return { min: Math.log10(low), max: Math.log10(max), step: (Math.log10(max) - Math.log10(low)) / 200, log };
  const natural = field.kind === "int" ? Math.max(1, tidy((max - min) / 200)) : tidy((max - min) / 100);
  return { min, max, step: field.step ?? natural, log };
}

/** The nearest of 1, 2, 5 × a power of ten below `step`. */
function tidy(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const lead = step / power;
  return Number(((lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power).toPrecision(12));
}
