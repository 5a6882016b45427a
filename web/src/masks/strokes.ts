/** A mask while it is painted: a list of edits, and a canvas whose opacity is the mask. */

export interface Point { x: number; y: number }

/** A freehand stroke or an outlined area, painted or erased. Lengths are in pixels of the canvas. */
export interface Stroke { shape: "line" | "area"; points: Point[]; size: number; soft: number; erase: boolean }
export type Edit = Stroke | "clear" | "fill" | "invert";

/** A soft stroke is drawn this far outside the canvas, so that only its shadow is visible. */
const OFFSET = 10_000;

/** Coverage is measured on a copy this many times smaller. */
const REDUCTION = 4;

type Context = CanvasRenderingContext2D;

export const newCanvas = (width: number, height: number): HTMLCanvasElement => Object.assign(document.createElement("canvas"), { width, height });

/** `read` is for canvases whose pixels are read often. */
export function contextOf(canvas: HTMLCanvasElement, read = false): Context {
  const context = canvas.getContext("2d", { willReadFrequently: read });
  if (!context) throw new Error("this browser cannot create another canvas");
  return context;
}

/** Draws one stroke. Soft edges are shadows, which every browser blurs; canvas filters are not available everywhere. */
export function draw(context: Context, { shape, points, size, soft, erase }: Stroke): void {
  const [first] = points;
  if (!first) return;
  context.save();
  context.globalCompositeOperation = erase ? "destination-out" : "source-over";
  context.fillStyle = context.strokeStyle = "#fff";
  context.lineCap = context.lineJoin = "round";
  // The blur reaches outwards as well as inwards: a soft stroke is drawn thinner, to stay within its circle.
  const blur = (soft * size) / 4;
  context.lineWidth = Math.max(1, size - blur);
  const offset = blur > 0 ? OFFSET : 0;
  if (offset) Object.assign(context, { shadowColor: "#fff", shadowBlur: blur, shadowOffsetX: OFFSET });
  context.beginPath();
  // A line of length 0 would not be drawn.
  context.moveTo(first.x - offset - 0.01, first.y);
  for (const { x, y } of points) context.lineTo(x - offset, y);
  if (shape === "area") {
    context.closePath();
    context.fill();
  } else context.stroke();
  context.restore();
}

function apply(context: Context, edit: Edit): void {
  const { width, height } = context.canvas;
  if (typeof edit !== "string") return draw(context, edit);
  if (edit === "clear") return context.clearRect(0, 0, width, height);
  context.save();
  context.fillStyle = "#fff";
  if (edit === "invert") context.globalCompositeOperation = "source-out";
  context.fillRect(0, 0, width, height);
  context.restore();
}

export class MaskCanvas {
  readonly canvas: HTMLCanvasElement;
  /** Covered fraction, 0 to 1; exactly 0 for a blank mask. */
  covered = 0;
  private readonly context: Context;
  private readonly base: HTMLCanvasElement | null;
  private readonly small: Context;
  private done: Edit[] = [];
  private undone: Edit[] = [];

  /** `mask` is the mask to start from: black and white, of any size. */
  constructor(width: number, height: number, mask: CanvasImageSource | null) {
    this.canvas = newCanvas(width, height);
    this.context = contextOf(this.canvas);
    this.base = mask && opacity(mask, width, height);
    this.small = contextOf(newCanvas(Math.ceil(width / REDUCTION), Math.ceil(height / REDUCTION)), true);
    this.replay();
  }

  /** Whether there is an edit to undo. */
  get changed(): boolean {
    return this.done.length > 0;
  }

  get redoable(): boolean {
    return this.undone.length > 0;
  }

  do(edit: Edit): void {
    this.done.push(edit);
    this.undone = [];
    apply(this.context, edit);
    this.measure();
  }

  undo(): void {
    const last = this.done.pop();
    if (!last) return;
    this.undone.push(last);
    this.replay();
  }

  redo(): void {
    const next = this.undone.pop();
    if (!next) return;
    this.done.push(next);
    apply(this.context, next);
    this.measure();
  }

  private replay(): void {
    const { width, height } = this.canvas;
    this.context.clearRect(0, 0, width, height);
    if (this.base) this.context.drawImage(this.base, 0, 0);
    for (const edit of this.done) apply(this.context, edit);
    this.measure();
  }

  private measure(): void {
    const { width, height } = this.small.canvas;
    this.small.clearRect(0, 0, width, height);
    this.small.imageSmoothingQuality = "high";
    this.small.drawImage(this.canvas, 0, 0, width, height);
    const { data } = this.small.getImageData(0, 0, width, height);
    let sum = 0;
    for (let i = 3; i < data.length; i += 4) sum += data[i] ?? 0;
    this.covered = sum / 255 / (width * height);
  }
}

/** Grey becomes opacity: white covers, black does not. */
function opacity(mask: CanvasImageSource, width: number, height: number): HTMLCanvasElement {
  const context = contextOf(newCanvas(width, height), true);
  context.drawImage(mask, 0, 0, width, height);
  const picture = context.getImageData(0, 0, width, height);
  const { data } = picture;
  for (let i = 0; i < data.length; i += 4) {
    const grey = 0.2126 * (data[i] ?? 0) + 0.7152 * (data[i + 1] ?? 0) + 0.0722 * (data[i + 2] ?? 0);
    data[i + 3] = (grey * (data[i + 3] ?? 0)) / 255;
    data[i] = data[i + 1] = data[i + 2] = 255;
  }
  context.putImageData(picture, 0, 0);
  return context.canvas;
}

/** What no other mask covers: where a blank mask applies. */
export function remainder(others: MaskCanvas[], width: number, height: number): HTMLCanvasElement {
  const canvas = newCanvas(width, height);
  const context = contextOf(canvas);
  apply(context, "fill");
  context.globalCompositeOperation = "destination-out";
  for (const other of others) context.drawImage(other.canvas, 0, 0, width, height);
  return canvas;
}

/** The mask as a file: white on black, in the size of the picture it lies over. */
export async function toFile(mask: HTMLCanvasElement, width: number, height: number, name: string): Promise<File> {
  const canvas = newCanvas(width, height);
  const context = contextOf(canvas);
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(mask, 0, 0, width, height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("this browser could not write the mask");
  return new File([blob], name, { type: "image/png" });
}
