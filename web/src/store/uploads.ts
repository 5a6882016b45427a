/** Uploads in progress, and what is known of uploaded pictures besides their ids. */

import { ApiError, upload } from "../api/client";
import type { Asset, Words } from "../api/types";
import { currentI18n } from "../i18n";
import { createStore, loadSaved, persist } from "../lib/store";
import { uploadLimit } from "./queries";

export interface PictureInfo { name: string; width: number; height: number; warnings: Words[]; made_with: Record<string, unknown>; /** Length, for a video. */ seconds?: number | null }

/** `done` goes from 0 to 1. */
export interface Upload { key: number; name: string; done: number; error: ApiError | null }

interface Uploads {
  /** By asset id. */
  pictures: Record<string, PictureInfo>;
  /** Uploads in progress or failed, by target: a field's name. */
  active: Record<string, Upload[]>;
  /** Number of files that wait for their turn, by target. */
  waiting: Record<string, number>;
}

const MAX_PICTURES = 200;

export const uploads = createStore<Uploads>({ pictures: loadSaved("huafang.known", {}), active: {}, waiting: {} });

export const persistPictures = (): void => persist(uploads, { pictures: "huafang.known" });

export function rememberPicture(id: string, info: PictureInfo): void {
  uploads.set((state) => {
    const others = Object.entries(state.pictures).filter(([key]) => key !== id);
    return { pictures: Object.fromEntries([...others, [id, info] as const].slice(-MAX_PICTURES)) };
  });
}

export const isUploadingTo = (target: string): boolean => {
  const { active, waiting } = uploads.get();
  return Boolean(waiting[target]) || Boolean(active[target]?.some((item) => !item.error));
};

let counter = 0;

/** Uploads `file` for `target`. Returns null after an error, which is then listed under the target. */
export async function send(file: File, target: string): Promise<Asset | null> {
  const key = (counter += 1);
  const setList = (change: (list: Upload[]) => Upload[]) => uploads.set(({ active }) => ({ active: { ...active, [target]: change(active[target] ?? []) } }));
  const update = (patch: Partial<Upload>) => setList((list) => list.map((item) => (item.key === key ? { ...item, ...patch } : item)));
  setList((list) => [...list, { key, name: file.name, done: 0, error: null }]);
  try {
    // Checked here: a server that hangs up in the middle of a large file cannot say why.
    const limit = uploadLimit();
    if (limit !== undefined && file.size > limit) throw new ApiError(413, "image.too_large", currentI18n().t("image.limit", { limit: currentI18n().bytes(limit) }));
    const asset = await upload(file, file.name || "picture", (done) => update({ done }));
    const { width, height, warnings, made_with, seconds } = asset;
    rememberPicture(asset.id, { name: file.name, width, height, warnings, made_with, seconds });
    setList((list) => list.filter((item) => item.key !== key));
    return asset;
  } catch (error) {
    update({ error: error instanceof ApiError ? error : new ApiError(0, "error", String(error)) });
    return null;
  }
}

/** Changes the number of files that wait for their turn. */
export function addWaiting(target: string, count: number): void {
  uploads.set(({ waiting }) => ({ waiting: { ...waiting, [target]: (waiting[target] ?? 0) + count } }));
}

/** Clears the errors of earlier uploads. */
export function clearErrors(target: string): void {
  uploads.set(({ active }) => ({ active: { ...active, [target]: (active[target] ?? []).filter((item) => !item.error) } }));
}
