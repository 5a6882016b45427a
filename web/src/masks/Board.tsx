/** The picture with its masks over it, painted on with mouse, pen, finger or keys. */

import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { useSpeech } from "../i18n";
import type { Ground } from "./ground";
import { brushOf, draw, newCanvas, rest, type Mark, type Point, type Sheet } from "./sheet";

/** `size` is the brush's width as a share of the picture's longest side. */
export interface Tool { shape: "brush" | "lasso" | "box"; erase: boolean; size: number; soft: number }

/** One for each mask, told apart on any picture and by most eyes. */
const COLOURS = ["#ff5a3c", "#2f8fff", "#ffd23c", "#36d07f", "#c66bff", "#00d5d5", "#ff7fc0", "#a7b0ba"];
export const colourOf = (n: number): string => COLOURS[n % COLOURS.length] ?? "#ffffff";

interface Props {
  ground: Ground;
  /** The sheets over this picture, by their number; `active` is painted on. */
  sheets: Map<number, Sheet>;
  active: number;
  tool: Tool;
  /** Goes up when a sheet has changed. */
  turn: number;
  onMark: (mark: Mark) => void;
}

export function Board({ ground, sheets, active, tool, turn, onMark }: Props) {
  const { t } = useSpeech();
  const { width, height } = ground;
  const canvas = useRef<HTMLCanvasElement>(null);
  const layers = useRef<Layers | null>(null);
  const mark = useRef<Mark | null>(null);
  const frame = useRef(0);
  const [cursor, setCursor] = useState<Point | null>(null);
  const size = tool.size * Math.max(width, height);

  useLayoutEffect(() => {
    layers.current = new Layers(ground);
  }, [ground]);
  useLayoutEffect(() => {
    layers.current?.lay(sheets, active);
    show();
  }, [ground, sheets, active, turn]);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);

  const show = () => {
    const sheet = sheets.get(active);
    if (canvas.current && sheet) layers.current?.show(brushOf(canvas.current), sheet, active, mark.current);
  };
  const showSoon = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(show);
  };

  const begin = (at: Point) => {
    mark.current = { shape: tool.shape === "brush" ? "stroke" : "area", points: [at], size, soft: tool.soft, erase: tool.erase };
    showSoon();
  };
  const extend = (at: Point) => {
    const now = mark.current;
    const [first] = now?.points ?? [];
    if (!now || !first) return;
    if (tool.shape === "box") now.points = [first, { x: at.x, y: first.y }, at, { x: first.x, y: at.y }];
    else now.points.push(at);
    showSoon();
  };
  const finish = () => {
    const done = mark.current;
    mark.current = null;
    // An area needs three corners; a click that drew none is not one.
    if (done && (done.shape === "stroke" || done.points.length > 2)) onMark(done);
    else showSoon();
  };

  const place = (event: { clientX: number; clientY: number }): Point => {
    const box = canvas.current?.getBoundingClientRect() ?? new DOMRect(0, 0, width, height);
    return { x: ((event.clientX - box.left) * width) / box.width, y: ((event.clientY - box.top) * height) / box.height };
  };
  const onMove = (event: PointerEvent) => {
    if (!event.isPrimary) return;
    setCursor(event.pointerType === "touch" ? null : place(event));
    if (!mark.current) return;
    // Some browsers give none of the points between two frames.
    const between = event.nativeEvent.getCoalescedEvents?.() ?? [];
    for (const one of between.length ? between : [event]) extend(place(one));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === " ") {
      event.preventDefault();
      if (!event.repeat) begin(cursor ?? { x: width / 2, y: height / 2 });
      return;
    }
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const far = (Math.max(width, height) / 100) * (event.shiftKey ? 8 : 2);
    const from = cursor ?? { x: width / 2, y: height / 2 };
    const to = { x: Math.min(width, Math.max(0, from.x + step[0] * far)), y: Math.min(height, Math.max(0, from.y + step[1] * far)) };
    setCursor(to);
    extend(to);
  };

  return (
    // The mat counts too: an area that is to reach the picture's edge may begin beyond it.
    <div
      className="mask-board"
      onPointerDown={(event) => {
        if (!event.isPrimary || event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        begin(place(event));
      }}
      onPointerMove={onMove}
      onPointerUp={(event) => event.isPrimary && finish()}
      onPointerCancel={(event) => {
        if (!event.isPrimary) return;
        mark.current = null;
        showSoon();
      }}
      onPointerLeave={() => mark.current || setCursor(null)}
    >
      <div className="relative" style={{ width: `min(100cqw, 100cqh * ${width / height})`, aspectRatio: `${width} / ${height}` }}>
        <canvas
          ref={canvas}
          width={width}
          height={height}
          tabIndex={0}
          role="application"
          aria-label={t("mask.area")}
          data-testid="mask-canvas"
          className="mask-canvas"
          onKeyDown={onKey}
          onKeyUp={(event) => event.key === " " && finish()}
          onFocus={(event) => event.currentTarget.matches(":focus-visible") && setCursor((now) => now ?? { x: width / 2, y: height / 2 })}
          onBlur={() => {
            finish();
            setCursor(null);
          }}
        />
        {cursor && (
          <span
            aria-hidden
            className={tool.shape === "brush" ? "mask-cursor" : "mask-cursor mask-cursor-point"}
            style={{ left: `${(100 * cursor.x) / width}%`, top: `${(100 * cursor.y) / height}%`, width: tool.shape === "brush" ? `${(100 * size) / width}%` : undefined }}
          />
        )}
      </div>
    </div>
  );
}

const STEPS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** What lies under the hand: the picture with the other masks, laid once; and room for the one that is being painted. */
class Layers {
  private readonly below: HTMLCanvasElement;
  private readonly live: HTMLCanvasElement;

  constructor(private readonly ground: Ground) {
    this.below = newCanvas(ground.width, ground.height);
    this.live = newCanvas(ground.width, ground.height);
  }

  /** The picture, and every mask but the active one; a blank one covers what the others leave. */
  lay(sheets: Map<number, Sheet>, active: number): void {
    const { picture, width, height } = this.ground;
    const below = brushOf(this.below);
    below.drawImage(picture, 0, 0);
    const painted = [...sheets.values()].filter((sheet) => sheet.covered > 0);
    for (const [n, sheet] of sheets) {
      if (n === active || (sheet.covered === 0 && !painted.length)) continue;
      const canvas = sheet.covered > 0 ? sheet.canvas : rest(painted, width, height);
      this.tint(below, canvas, n, 0.4);
    }
  }

  show(brush: CanvasRenderingContext2D, sheet: Sheet, active: number, mark: Mark | null): void {
    brush.drawImage(this.below, 0, 0);
    const live = this.fresh();
    live.drawImage(sheet.canvas, 0, 0);
    if (mark) draw(live, mark);
    this.colour(live, active);
    brush.globalAlpha = 0.6;
    brush.drawImage(this.live, 0, 0);
    brush.globalAlpha = 1;
  }

  private tint(brush: CanvasRenderingContext2D, mask: HTMLCanvasElement, n: number, alpha: number): void {
    const live = this.fresh();
    live.drawImage(mask, 0, 0);
    this.colour(live, n);
    brush.globalAlpha = alpha;
    brush.drawImage(this.live, 0, 0);
    brush.globalAlpha = 1;
  }

  private fresh(): CanvasRenderingContext2D {
    const live = brushOf(this.live);
    live.globalCompositeOperation = "source-over";
    live.clearRect(0, 0, this.live.width, this.live.height);
    return live;
  }

  private colour(live: CanvasRenderingContext2D, n: number): void {
    live.globalCompositeOperation = "source-in";
    live.fillStyle = colourOf(n);
    live.fillRect(0, 0, this.live.width, this.live.height);
  }
}
