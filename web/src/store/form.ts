/** The forms' values and the picture being worked on, kept in this browser. */

import type { FieldInfo, Method } from "../api/types";
import { holdsPictures, isPicture, pictureIds, reorderMasks, restoreValues, type Values } from "../fields/values";
import { createStore, loadSaved, persist } from "../lib/store";
import { isUploadingTo } from "./uploads";

interface FormState {
  /** The picture being worked on: the subject of every method that takes one. */
  photo: string | null;
  /** Other pictures and prompts, by field name: a name means the same in all methods. */
  shared: Values;
  /** By method. */
  forms: Record<string, Values>;
  /** The job shown on each method's page. */
  current: Record<string, string>;
  lastMethod: string | null;
}

export const formState = createStore<FormState>({
  photo: loadSaved<string | null>("huafang.photo", null),
  shared: loadSaved("huafang.shared", {}),
  forms: loadSaved("huafang.forms", {}),
  current: loadSaved("huafang.current", {}),
  lastMethod: loadSaved<string | null>("huafang.method", null),
});

export const persistForms = (): void =>
  persist(formState, { photo: "huafang.photo", shared: "huafang.shared", forms: "huafang.forms", current: "huafang.current", lastMethod: "huafang.method" });

const isShared = (field: FieldInfo): boolean => isPicture(field) || field.kind === "long_text";
const isPhoto = (method: Method, field: FieldInfo): boolean => field.name === method.subject && field.kind === "image";

/** The current values of the method's form. */
export function formOf(method: Method, state: FormState): Values {
  const values = restoreValues(method, state.forms[method.name] ?? {});
  for (const field of method.fields) {
    if (isPhoto(method, field)) values[field.name] = state.photo;
    else if (isShared(field) && field.name in state.shared) values[field.name] = adapt(field, state.shared[field.name], values[field.name]);
  }
  return values;
}

/** A shared value in the shape of this method's field. */
function adapt(field: FieldInfo, value: unknown, fallback: unknown): unknown {
  if (holdsPictures(field)) {
    const list = pictureIds(value);
    return field.max_items === null ? list : list.slice(0, field.max_items);
  }
  const one: unknown = Array.isArray(value) ? value[0] : value;
  return typeof one === "string" ? one : field.kind === "image" ? null : fallback;
}

/** Sets one field of the form; masks follow the pictures they belong to. */
export function setValue(method: Method, field: FieldInfo, value: unknown): void {
  formState.set((state) => {
    const before = formOf(method, state);
    const reordered = (masks: FieldInfo) => reorderMasks(pictureIds(before[masks.name]), pictureIds(before[field.name]), pictureIds(value));
    const masks = method.fields.filter((one) => one.per === field.name).map((one) => [one.name, reordered(one)]);
    const changed: Values = { [field.name]: value, ...(Object.fromEntries(masks) as Values) };
    const forms = { ...state.forms, [method.name]: { ...state.forms[method.name], ...changed } };
    if (isPhoto(method, field)) return { forms, photo: value as string | null };
    return isShared(field) ? { forms, shared: { ...state.shared, ...changed } } : { forms };
  });
}

export function setForm(method: Method, values: Values): void {
  for (const field of method.fields) if (field.name in values) setValue(method, field, values[field.name]);
}

export const setPhoto = (id: string | null): void => formState.set({ photo: id });

export function setCurrent(method: string, job: string | null): void {
  formState.set((state) => {
    const others = Object.entries(state.current).filter(([name]) => name !== method);
    return { current: Object.fromEntries(job ? [...others, [method, job]] : others) };
  });
}

/** The upload target of the home page's picture, which is every method's photo. */
export const PHOTO = "home";

/** Whether a picture for the method's form is still being uploaded. */
export const isUploading = (method: Method): boolean =>
  method.fields.some((field) => (isPhoto(method, field) && isUploadingTo(PHOTO)) || (isPicture(field) && isUploadingTo(field.name)));
