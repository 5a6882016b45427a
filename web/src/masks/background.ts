/** The picture that masks are painted over: decoded, and small enough to paint on. */

import { assetUrl, request, thumbUrl } from "../api/client";
import { contextOf, newCanvas } from "./strokes";

/** Longest side of the canvas that is painted on. */
const CANVAS = 1280;
/** Longest side of a mask's file: what every browser's canvas can hold. Methods bring masks to the size they work in. */
const FILE_SIDE = 4096;

/** `full` is the size of the mask's file. */
export interface Background { picture: HTMLCanvasElement; width: number; height: number; full: { width: number; height: number } }

const bitmapAt = async (address: string): Promise<ImageBitmap> => createImageBitmap(await (await request(address)).blob());

/** A stored picture, or a film's first frame. */
export async function bitmapOf(id: string): Promise<ImageBitmap> {
  const head = await request(assetUrl(id), { headers: { Range: "bytes=0-0" } });
  return bitmapAt(head.headers.get("content-type")?.startsWith("image/") ? assetUrl(id) : thumbUrl(id, 512));
}

/** The picture at no more than `limit` pixels a side. */
function within(limit: number, { width, height }: { width: number; height: number }): { width: number; height: number } {
  const scale = Math.min(1, limit / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

export async function backgroundOf(id: string): Promise<Background> {
  const bitmap = await bitmapOf(id);
  const [size, full] = [within(CANVAS, bitmap), within(FILE_SIDE, bitmap)];
  const picture = newCanvas(size.width, size.height);
  const context = contextOf(picture);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, size.width, size.height);
  bitmap.close(); // decoded, a large photo takes hundreds of megabytes
  return { picture, ...size, full };
}
