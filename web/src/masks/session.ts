/** The masks of one editing session: loaded when the dialog opens, uploaded when they are applied. */

import { useEffect, useState } from "react";
import { errorText } from "../parts/toasts";
import { send } from "../store/uploads";
import { backgroundOf, bitmapOf, type Background } from "./background";
import { MaskCanvas, remainder, toFile } from "./strokes";

/** For each mask its background and its canvas. */
export interface Session { backgrounds: Background[]; masks: MaskCanvas[] }

async function open(over: string[], masks: string[]): Promise<Session> {
  const found = new Map(await Promise.all([...new Set(over)].map(async (id) => [id, await backgroundOf(id)] as const)));
  const bitmaps = await Promise.all(over.map((_, n) => (masks[n] ? bitmapOf(masks[n]) : Promise.resolve(null))));
  const backgrounds = over.map((id) => found.get(id)).filter((one) => one !== undefined);
  return { backgrounds, masks: backgrounds.map(({ width, height }, n) => new MaskCanvas(width, height, bitmaps[n] ?? null)) };
}

/** Loads the pictures in `over` and the masks as they are when the dialog opens. */
export function useSession(over: string[], masks: string[]): { session: Session | null; error: string | null } {
  const [state, setState] = useState<{ session: Session | null; error: string | null }>({ session: null, error: null });
  const [initial] = useState({ over, masks });
  useEffect(() => {
    let closed = false;
    open(initial.over, initial.masks).then(
      (session) => closed || setState({ session, error: null }),
      (error: unknown) => closed || setState({ session: null, error: errorText(error) }),
    );
    return () => {
      closed = true;
    };
  }, [initial]);
  return state;
}

/** Uploads the masks that changed and returns all ids. Empty if nothing is painted at all; null after an error. A blank mask gets what the others leave. */
export async function uploadMasks({ backgrounds, masks }: Session, over: string[], before: string[], target: string): Promise<string[] | null> {
  if (masks.every((mask) => mask.covered === 0)) return [];
  const ids: string[] = [];
  for (const [n, mask] of masks.entries()) {
    const background = backgrounds[n];
    if (!background) continue;
    const { width, height, full } = background;
    const blank = mask.covered === 0;
    const old = before[n];
    if (old && !blank && !mask.changed) {
      ids.push(old);
      continue;
    }
    const others = masks.filter((one, m) => m !== n && over[m] === over[n] && one.covered > 0);
    const asset = await send(await toFile(blank ? remainder(others, width, height) : mask.canvas, full.width, full.height, `mask-${n + 1}.png`), target);
    if (!asset) return null;
    ids.push(asset.id);
  }
  return ids;
}
