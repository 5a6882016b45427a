/** One mask as it is painted: what was done to it, in order, on a canvas whose opacity is the mask. */

export interface Point { x: number; y: number }

/** What a hand does: a stroke, or an area that it draws round; it covers, or takes away. Lengths are in pixels of the sheet. */
export interface Mark { shape: "stroke" | "area"; points: Point[]; size: number; soft: number; erase: boolean }
export type Deed = Mark | "clear" | "fill" | "invert";

/** How far beyond the edge a soft mark is drawn, so that its shadow alone is seen. */
const AWAY = 10_000;

/** How much is covered is measured on a copy this much smaller. */
const PROBE = 4;

type Brush = CanvasRenderingContext2D;

export const newCanvas = (width: number, height: number): HTMLCanvasElement => Object.assign(document.createElement("canvas"), { width, height });

/** `read` is for canvases whose pixels are looked at again and again. */
export function brushOf(canvas: HTMLCanvasElement, read = false): Brush {
  const brush = canvas.getContext("2d", { willReadFrequently: read });
  if (!brush) throw new Error("this browser gives no more canvases");
  return brush;
}

/** Draws one mark; a soft edge is a shadow's, as every browser blurs shadows and not all have filters. */
export function draw(brush: Brush, { shape, points, size, soft, erase }: Mark): void {
  const [first] = points;
  if (!first) return;
  brush.save();
  brush.globalCompositeOperation = erase ? "destination-out" : "source-over";
  brush.fillStyle = brush.strokeStyle = "#fff";
  brush.lineCap = brush.lineJoin = "round";
  // The blur reaches outwards as well as inwards: a soft stroke is drawn thinner, to stay within its circle.
  const blur = (soft * size) / 4;
  brush.lineWidth = Math.max(1, size - blur);
  const away = blur > 0 ? AWAY : 0;
  if (away) Object.assign(brush, { shadowColor: "#fff", shadowBlur: blur, shadowOffsetX: AWAY });
  brush.beginPath();
  // A dab has to have a length, or it is not drawn.
  brush.moveTo(first.x - away - 0.01, first.y);
  for (const { x, y } of points) brush.lineTo(x - away, y);
  if (shape === "area") {
    brush.closePath();
    brush.fill();
  } else brush.stroke();
  brush.restore();
}

function apply(brush: Brush, deed: Deed): void {
  const { width, height } = brush.canvas;
  if (typeof deed !== "string") return draw(brush, deed);
  if (deed === "clear") return brush.clearRect(0, 0, width, height);
  brush.save();
  brush.fillStyle = "#fff";
  if (deed === "invert") brush.globalCompositeOperation = "source-out";
  brush.fillRect(0, 0, width, height);
  brush.restore();
}

export class Sheet {
  readonly canvas: HTMLCanvasElement;
  /** Share of the sheet that is covered, 0 to 1; exactly 0 for a blank one. */
  covered = 0;
  private readonly brush: Brush;
  private readonly base: HTMLCanvasElement | null;
  private readonly probe: Brush;
  private done: Deed[] = [];
  private undone: Deed[] = [];

  /** `mask` is what the mask was before: black and white, in any size. */
  constructor(width: number, height: number, mask: CanvasImageSource | null) {
    this.canvas = newCanvas(width, height);
    this.brush = brushOf(this.canvas);
    this.base = mask && opacity(mask, width, height);
    this.probe = brushOf(newCanvas(Math.ceil(width / PROBE), Math.ceil(height / PROBE)), true);
    this.replay();
  }

  /** Whether anything was done to it that still stands, and can be undone. */
  get changed(): boolean {
    return this.done.length > 0;
  }

  get redoable(): boolean {
    return this.undone.length > 0;
  }

  do(deed: Deed): void {
    this.done.push(deed);
    this.undone = [];
    apply(this.brush, deed);
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
    apply(this.brush, next);
    this.measure();
  }

  private replay(): void {
    const { width, height } = this.canvas;
    this.brush.clearRect(0, 0, width, height);
    if (this.base) this.brush.drawImage(this.base, 0, 0);
    for (const deed of this.done) apply(this.brush, deed);
    this.measure();
  }

  private measure(): void {
    const { width, height } = this.probe.canvas;
    this.probe.clearRect(0, 0, width, height);
    this.probe.imageSmoothingQuality = "high";
    this.probe.drawImage(this.canvas, 0, 0, width, height);
    const { data } = this.probe.getImageData(0, 0, width, height);
    let sum = 0;
    for (let place = 3; place < data.length; place += 4) sum += data[place] ?? 0;
    this.covered = sum / 255 / (width * height);
  }
}

/** Grey becomes opacity: white covers, black does not. */
function opacity(mask: CanvasImageSource, width: number, height: number): HTMLCanvasElement {
  const brush = brushOf(newCanvas(width, height), true);
  brush.drawImage(mask, 0, 0, width, height);
  const picture = brush.getImageData(0, 0, width, height);
  const { data } = picture;
  for (let place = 0; place < data.length; place += 4) {
    const grey = 0.2126 * (data[place] ?? 0) + 0.7152 * (data[place + 1] ?? 0) + 0.0722 * (data[place + 2] ?? 0);
    data[place + 3] = (grey * (data[place + 3] ?? 0)) / 255;
    data[place] = data[place + 1] = data[place + 2] = 255;
  }
  brush.putImageData(picture, 0, 0);
  return brush.canvas;
}

/** What no other sheet covers: where a blank one acts. */
export function rest(others: Sheet[], width: number, height: number): HTMLCanvasElement {
  const canvas = newCanvas(width, height);
  const brush = brushOf(canvas);
  apply(brush, "fill");
  brush.globalCompositeOperation = "destination-out";
  for (const other of others) brush.drawImage(other.canvas, 0, 0, width, height);
  return canvas;
}

/** The mask as a file: white on black, in the size of the picture it lies over. */
export async function toFile(mask: HTMLCanvasElement, width: number, height: number, name: string): Promise<File> {
  const canvas = newCanvas(width, height);
  const brush = brushOf(canvas);
  brush.fillRect(0, 0, width, height);
  brush.imageSmoothingQuality = "high";
  brush.drawImage(mask, 0, 0, width, height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("this browser could not write the mask");
  return new File([blob], name, { type: "image/png" });
}
