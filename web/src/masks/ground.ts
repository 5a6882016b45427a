/** Pictures as the mask painter needs them: decoded, and small enough to paint on. */

import { assetUrl, request, thumbUrl } from "../api/client";
import { brushOf, newCanvas } from "./sheet";

/** Longest side of the sheet that is painted on. */
const SHEET = 1280;
/** Longest side of a mask's file: what every browser's canvas can hold. Methods bring masks to the size they work in. */
const FILE = 4096;

/** A picture to paint over, as large as the sheet that is painted on; `full` is the size of the mask's file. */
export interface Ground { picture: HTMLCanvasElement; width: number; height: number; full: { width: number; height: number } }

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

export async function groundOf(id: string): Promise<Ground> {
  const bitmap = await bitmapOf(id);
  const [sheet, full] = [within(SHEET, bitmap), within(FILE, bitmap)];
  const picture = newCanvas(sheet.width, sheet.height);
  const brush = brushOf(picture);
  brush.imageSmoothingQuality = "high";
  brush.drawImage(bitmap, 0, 0, sheet.width, sheet.height);
  bitmap.close(); // decoded, a large photo takes hundreds of megabytes
  return { picture, ...sheet, full };
}
