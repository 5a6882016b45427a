/** What lies on the visitor's easel: chosen pictures and settings, kept in this browser. */

import { ApiError, upload } from "../api/client";
import type { Asset, FieldInfo, Method, Words } from "../api/types";
import { followed, holdsPictures, isPicture, mend, picturesOf, type Values } from "../form/values";
import { currentSpeech } from "../i18n";
import { createStore, recall, remember } from "./store";
import { studio } from "./studio";

/** What we know of a picture besides its id. */
export interface Known { name: string; width: number; height: number; warnings: Words[]; made_with: Record<string, unknown>; /** Of a film its length. */ seconds?: number | null }

export interface Sending { key: number; name: string; share: number; error: ApiError | null }

interface Easel {
  known: Record<string, Known>;
  /** The picture being worked on: the subject of any method that takes one. */
  photo: string | null;
  /** Other pictures and prompts, by the field's name: it means the same in all methods. */
  shared: Values;
  forms: Record<string, Values>;
  /** The job on each method's stage. */
  current: Record<string, string>;
  lastMethod: string | null;
  /** Uploads under way or failed, by the field they are for. */
  sending: Record<string, Sending[]>;
  /** Files that wait for their turn to be sent, by the field they are for. */
  waiting: Record<string, number>;
}

const KEPT = 200;

export const easel = createStore<Easel>({
  known: recall("huafang.known", {}),
  photo: recall<string | null>("huafang.photo", null),
  shared: recall("huafang.shared", {}),
  forms: recall("huafang.forms", {}),
  current: recall("huafang.current", {}),
  lastMethod: recall<string | null>("huafang.method", null),
  sending: {},
  waiting: {},
});

const isShared = (field: FieldInfo): boolean => isPicture(field) || field.kind === "long_text";
const isPhoto = (method: Method, field: FieldInfo): boolean => field.name === method.subject && field.kind === "image";

/** The method's form as it now stands. */
export function formOf(method: Method, state: Easel): Values {
  const values = mend(method, state.forms[method.name] ?? {});
  for (const field of method.fields) {
    if (isPhoto(method, field)) values[field.name] = state.photo;
    else if (isShared(field) && field.name in state.shared) values[field.name] = trim(field, state.shared[field.name], values[field.name]);
  }
  return values;
}

/** A shared value in the shape this method's field wants. */
function trim(field: FieldInfo, value: unknown, otherwise: unknown): unknown {
  if (holdsPictures(field)) {
    const list = picturesOf(value);
    return field.max_items === null ? list : list.slice(0, field.max_items);
  }
  const one: unknown = Array.isArray(value) ? value[0] : value;
  return typeof one === "string" ? one : field.kind === "image" ? null : otherwise;
}

/** Sets one field of the form; masks follow the pictures they belong to. */
export function setValue(method: Method, field: FieldInfo, value: unknown): void {
  easel.set((state) => {
    const before = formOf(method, state);
    const follow = (one: FieldInfo) => followed(picturesOf(before[one.name]), picturesOf(before[field.name]), picturesOf(value));
    const changed = { [field.name]: value, ...Object.fromEntries(method.fields.filter((one) => one.per === field.name).map((one) => [one.name, follow(one)])) };
    const forms = { ...state.forms, [method.name]: { ...state.forms[method.name], ...changed } };
    if (isPhoto(method, field)) return { forms, photo: value as string | null };
    return isShared(field) ? { forms, shared: { ...state.shared, ...changed } } : { forms };
  });
}

export function setForm(method: Method, values: Values): void {
  for (const field of method.fields) if (field.name in values) setValue(method, field, values[field.name]);
}

export function setPhoto(id: string | null): void {
  easel.set({ photo: id });
}

export function setCurrent(method: string, job: string | null): void {
  easel.set((state) => {
    const current = { ...state.current };
    if (job) current[method] = job;
    else delete current[method];
    return { current };
  });
}

let counter = 0;

/** Uploads `file` for the field `target`; gives the asset, or null after a fault, which is then shown at the field. */
export async function send(file: File, target: string): Promise<Asset | null> {
  const key = (counter += 1);
  const change = (patch: Partial<Sending> | null) =>
    easel.set((state) => {
      const list = state.sending[target] ?? [];
      return { sending: { ...state.sending, [target]: patch ? list.map((item) => (item.key === key ? { ...item, ...patch } : item)) : list.filter((item) => item.key !== key) } };
    });
  easel.set((state) => ({ sending: { ...state.sending, [target]: [...(state.sending[target] ?? []), { key, name: file.name, share: 0, error: null }] } }));
  try {
    // Said here: a server that hangs up in the middle of a large file cannot say why.
    const limit = studio.get().health?.limits.upload_bytes;
    if (limit !== undefined && file.size > limit) throw new ApiError(413, "image.too_large", currentSpeech().t("image.limit", { limit: currentSpeech().bytes(limit) }));
    const asset = await upload(file, file.name || "picture", (share) => change({ share }));
    const { width, height, warnings, made_with, seconds } = asset;
    learn(asset.id, { name: file.name, width, height, warnings, made_with, seconds });
    change(null);
    return asset;
  } catch (error) {
    change({ error: error instanceof ApiError ? error : new ApiError(0, "error", String(error)) });
    return null;
  }
}

/** The target under which uploads to the easel itself are listed. */
export const EASEL = "easel";

/** Whether a picture for the method's form is still on its way. */
export const awaits = (method: Method, { sending, waiting }: Easel): boolean =>
  method.fields.some((field) => {
    const targets = isPhoto(method, field) ? [field.name, EASEL] : isPicture(field) ? [field.name] : [];
    return targets.some((target) => waiting[target] || sending[target]?.some((item) => !item.error));
  });

/** Puts `count` files more, or fewer, on the list of those that wait for their turn. */
export function queueUp(target: string, count: number): void {
  easel.set((state) => ({ waiting: { ...state.waiting, [target]: (state.waiting[target] ?? 0) + count } }));
}

/** Forgets the faults of earlier uploads. */
export function dismiss(target: string): void {
  easel.set((state) => ({ sending: { ...state.sending, [target]: (state.sending[target] ?? []).filter((item) => !item.error) } }));
}

export function learn(id: string, known: Known): void {
  easel.set((state) => {
    const rest = Object.entries(state.known).filter(([key]) => key !== id);
    return { known: Object.fromEntries([...rest, [id, known] as const].slice(-KEPT)) };
  });
}

/** Writes each change down in this browser. */
export function startEasel(): void {
  let last = easel.get();
  const keys = { known: "known", photo: "photo", shared: "shared", forms: "forms", current: "current", lastMethod: "method" } as const;
  easel.subscribe(() => {
    const state = easel.get();
    for (const [name, key] of Object.entries(keys) as [keyof typeof keys, string][]) if (state[name] !== last[name]) remember(`huafang.${key}`, state[name]);
    last = state;
  });
}
