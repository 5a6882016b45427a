/** Compositing of the picture and its masks, each mask in its own colour. */

import type { Background } from "./background";
import { contextOf, draw, newCanvas, remainder, type MaskCanvas, type Stroke } from "./strokes";

/** One per mask, distinguishable on any picture and for most eyes. */
const COLOURS = ["#ff5a3c", "#2f8fff", "#ffd23c", "#36d07f", "#c66bff", "#00d5d5", "#ff7fc0", "#a7b0ba"];
export const colourOf = (n: number): string => COLOURS[n % COLOURS.length] ?? "#ffffff";

/** What is drawn: the picture with the other masks, composed once, and the mask that is being painted. */
export class Layers {
  private readonly base: HTMLCanvasElement;
  private readonly scratch: HTMLCanvasElement;

  constructor(private readonly background: Background) {
    this.base = newCanvas(background.width, background.height);
    this.scratch = newCanvas(background.width, background.height);
  }

  /** Composes the picture and every mask but the active one; a blank mask covers what the others leave. */
  compose(masks: Map<number, MaskCanvas>, active: number): void {
    const { picture, width, height } = this.background;
    const base = contextOf(this.base);
    base.drawImage(picture, 0, 0);
    const painted = [...masks.values()].filter((mask) => mask.covered > 0);
    for (const [n, mask] of masks) {
      if (n === active || (mask.covered === 0 && !painted.length)) continue;
      this.tint(base, mask.covered > 0 ? mask.canvas : remainder(painted, width, height), n, 0.4);
    }
  }

  show(context: CanvasRenderingContext2D, mask: MaskCanvas, active: number, stroke: Stroke | null): void {
    context.drawImage(this.base, 0, 0);
    const scratch = this.cleared();
    scratch.drawImage(mask.canvas, 0, 0);
    if (stroke) draw(scratch, stroke);
    this.colour(scratch, active);
    context.globalAlpha = 0.6;
    context.drawImage(this.scratch, 0, 0);
    context.globalAlpha = 1;
  }

  private tint(context: CanvasRenderingContext2D, canvas: HTMLCanvasElement, n: number, alpha: number): void {
    const scratch = this.cleared();
    scratch.drawImage(canvas, 0, 0);
    this.colour(scratch, n);
    context.globalAlpha = alpha;
    context.drawImage(this.scratch, 0, 0);
    context.globalAlpha = 1;
  }

  private cleared(): CanvasRenderingContext2D {
    const scratch = contextOf(this.scratch);
    scratch.globalCompositeOperation = "source-over";
    scratch.clearRect(0, 0, this.scratch.width, this.scratch.height);
    return scratch;
  }

  private colour(scratch: CanvasRenderingContext2D, n: number): void {
    scratch.globalCompositeOperation = "source-in";
    scratch.fillStyle = colourOf(n);
    scratch.fillRect(0, 0, this.scratch.width, this.scratch.height);
  }
}
