/** Checks of a form's values, the params to send, and the server's answer cut up by field. */

import type { FieldInfo, Method } from "../api/types";
import type { Key } from "../i18n";
import { KINDS } from "./kinds";
import { ANY_SEED, isActive, isBlank, isPicture, pictureIds, SEED, type Values } from "./values";

export interface FieldError { key: Key; values?: Record<string, string | number> }

/** What is wrong with `value`, given the other `values`; null if nothing. The server checks again. */
export function check(field: FieldInfo, value: unknown, values: Values): FieldError | null {
  const least = field.min_items ?? 0;
  if (isBlank(value)) {
    const wanted = field.required && (!KINDS[field.kind].mayBeEmpty || least > 0);
    if (!wanted) return null;
    if (isPicture(field)) return { key: "check.picture" };
    return { key: "check.required" };
  }
  if (field.kind === "int" || field.kind === "float") return checkNumber(field, value as number);
  if (field.kind === "numbers" && (value as number[]).some((item) => checkNumber(field, item))) return (value as number[]).map((item) => checkNumber(field, item)).find(Boolean) ?? null;
  if (field.kind === "loras" && (value as { weight: number }[]).some((lora) => !Number.isFinite(lora.weight))) return { key: "check.number" };
  if (Array.isArray(value)) {
    const wanted = field.per === null ? value.length : pictureIds(values[field.per]).length;
    if (value.length !== wanted) return { key: "check.masks", values: { n: value.length, wanted } };
    if (value.length < least) return { key: "check.few", values: { n: least } };
    if (field.max_items !== null && value.length > field.max_items) return { key: "check.many", values: { n: field.max_items } };
  }
  if (typeof value === "string" && field.max_length !== null && value.length > field.max_length) return { key: "check.long", values: { n: field.max_length } };
  return null;
}

function checkNumber(field: FieldInfo, value: number): FieldError | null {
  if (field.name === SEED && value === ANY_SEED) return null;
  if (!Number.isFinite(value)) return { key: "check.number" };
  if (field.kind === "int" && !Number.isInteger(value)) return { key: "check.whole" };
  if (field.minimum !== null && value < field.minimum) return { key: "check.least", values: { limit: field.minimum } };
  if (field.above !== null && value <= field.above) return { key: "check.above", values: { limit: field.above } };
  if (field.maximum !== null && value > field.maximum) return { key: "check.most", values: { limit: field.maximum } };
  if (field.below !== null && value >= field.below) return { key: "check.below", values: { limit: field.below } };
  return null;
}

export function checkForm(method: Method, values: Values): Record<string, FieldError> {
  const found = method.fields.filter((field) => isActive(field, values)).map((field) => [field.name, check(field, values[field.name], values)] as const);
  return Object.fromEntries(found.filter((pair): pair is readonly [string, FieldError] => pair[1] !== null));
}

/** Params to send. Blank optional fields are left out, so that the server's default applies; so are invalid values of fields that do not apply. */
export function toParams(method: Method, values: Values): Values {
  const params: Values = { method: method.name };
  for (const field of method.fields) {
    const value = values[field.name];
    if (value === undefined || (isBlank(value) && !field.required && !(value === null && field.nullable))) continue;
    if (!isActive(field, values) && check(field, value, values)) continue;
    params[field.name] = value;
  }
  return params;
}

/** The server's message ("strength: …; style.0: …") cut into one message per field; `rest` is what names no field. */
export function errorsByField(detail: string, names: string[]): { fields: Record<string, string>; rest: string } {
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
