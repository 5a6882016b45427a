/** Uploads pictures for a field and puts them into the form as they arrive. */

import type { FieldInfo } from "../api/types";
import { addWaiting, clearErrors, send } from "../store/uploads";

/** A field that takes more pictures than this takes whole folders, and shows only some of them. */
export const ALBUM = 16;
/** Parallel uploads of an album, and milliseconds between two updates of its form. */
const PARALLEL = 3;
const UPDATE_MS = 500;

/** How often pictures were added to a field, by its name. */
const turns = new Map<string, number>();

/** Uploads `files` and appends them to, or replaces, the field's value. `now` returns the current value. Where only one fits, the last one chosen wins, not the last to arrive. */
export async function addPictures(files: File[], field: FieldInfo, limit: number, now: () => string[], onChange: (ids: string[]) => void): Promise<void> {
  const target = field.name;
  const turn = (turns.get(target) ?? 0) + 1;
  turns.set(target, turn);
  clearErrors(target);
  const pending = files.slice(0, limit);
  addWaiting(target, pending.length);
  const arrived: string[] = [];
  let updated = performance.now();
  const update = () => {
    const fresh = arrived.splice(0);
    updated = performance.now();
    if (!fresh.length) return;
    // The same picture twice is one picture, but two masks may be alike.
    const others = now().filter((id) => field.kind === "masks" || !fresh.includes(id));
    const all = [...others, ...(field.kind === "masks" ? fresh : new Set(fresh))];
    onChange(limit === 1 ? fresh : all.slice(-limit));
  };
  const worker = async () => {
    for (let file = pending.shift(); file; file = pending.shift()) {
      addWaiting(target, -1);
      const asset = await send(file, target);
      if (!asset || (limit === 1 && turns.get(target) !== turn)) continue;
      arrived.push(asset.id);
      if (limit <= ALBUM || performance.now() - updated > UPDATE_MS) update();
    }
  };
  await Promise.all(Array.from({ length: limit > ALBUM ? PARALLEL : 1 }, worker));
  update();
}
