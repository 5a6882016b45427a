/** The picture with its masks over it, painted on with mouse, pen, finger or keyboard. */

import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { useI18n } from "../i18n";
import type { Background } from "./background";
import { Layers } from "./layers";
import { contextOf, type MaskCanvas, type Point, type Stroke } from "./strokes";

/** `size` is the brush's width as a fraction of the picture's longest side. */
export interface Tool { shape: "brush" | "lasso" | "box"; erase: boolean; size: number; soft: number }

interface Props {
  background: Background;
  /** The masks over this picture, by their number; `active` is painted on. */
  masks: Map<number, MaskCanvas>;
  active: number;
  tool: Tool;
  /** Goes up whenever a mask has changed. */
  version: number;
  onStroke: (stroke: Stroke) => void;
}

const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function MaskBoard({ background, masks, active, tool, version, onStroke }: Props) {
  const { t } = useI18n();
  const { width, height } = background;
  const canvas = useRef<HTMLCanvasElement>(null);
  const layers = useRef<Layers | null>(null);
  const stroke = useRef<Stroke | null>(null);
  const frame = useRef(0);
  const [cursor, setCursor] = useState<Point | null>(null);
  const size = tool.size * Math.max(width, height);
  const centre = { x: width / 2, y: height / 2 };

  useLayoutEffect(() => {
    layers.current = new Layers(background);
  }, [background]);
  useLayoutEffect(() => {
    const mask = masks.get(active);
    layers.current?.compose(masks, active);
    if (canvas.current && mask) layers.current?.show(contextOf(canvas.current), mask, active, stroke.current);
  }, [background, masks, active, version]);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);

  const redraw = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      const mask = masks.get(active);
      if (canvas.current && mask) layers.current?.show(contextOf(canvas.current), mask, active, stroke.current);
    });
  };

  const begin = (at: Point) => {
    stroke.current = { shape: tool.shape === "brush" ? "line" : "area", points: [at], size, soft: tool.soft, erase: tool.erase };
    redraw();
  };
  const extend = (at: Point) => {
    const now = stroke.current;
    const [first] = now?.points ?? [];
    if (!now || !first) return;
    if (tool.shape === "box") now.points = [first, { x: at.x, y: first.y }, at, { x: first.x, y: at.y }];
    else now.points.push(at);
    redraw();
  };
  const finish = () => {
    const done = stroke.current;
    stroke.current = null;
    // An area needs three corners; a click alone has none.
    if (done && (done.shape === "line" || done.points.length > 2)) onStroke(done);
    else redraw();
  };

  const positionOf = (event: { clientX: number; clientY: number }): Point => {
    const box = canvas.current?.getBoundingClientRect() ?? new DOMRect(0, 0, width, height);
    return { x: ((event.clientX - box.left) * width) / box.width, y: ((event.clientY - box.top) * height) / box.height };
  };
  const onMove = (event: PointerEvent) => {
    if (!event.isPrimary) return;
    setCursor(event.pointerType === "touch" ? null : positionOf(event));
    if (!stroke.current) return;
    // Some browsers report no points between two frames.
    const points = event.nativeEvent.getCoalescedEvents();
    for (const point of points.length ? points : [event]) extend(positionOf(point));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === " ") {
      event.preventDefault();
      if (!event.repeat) begin(cursor ?? centre);
      return;
    }
    const direction = ARROWS[event.key];
    if (!direction) return;
    event.preventDefault();
    const step = (Math.max(width, height) / 100) * (event.shiftKey ? 8 : 2);
    const from = cursor ?? centre;
    const to = { x: Math.min(width, Math.max(0, from.x + direction[0] * step)), y: Math.min(height, Math.max(0, from.y + direction[1] * step)) };
    setCursor(to);
    extend(to);
  };

  return (
    // The margin counts too: an area that reaches the picture's edge may begin beyond it.
    <div
      className="flex min-h-0 flex-1 cursor-crosshair touch-none items-center justify-center overflow-hidden bg-mount select-none [container-type:size]"
      onPointerDown={(event) => {
        if (!event.isPrimary || event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        begin(positionOf(event));
      }}
      onPointerMove={onMove}
      onPointerUp={(event) => event.isPrimary && finish()}
      onPointerCancel={(event) => {
        if (!event.isPrimary) return;
        stroke.current = null;
        redraw();
      }}
      onPointerLeave={() => stroke.current || setCursor(null)}
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
          className="size-full focus-visible:-outline-offset-2"
          onKeyDown={onKey}
          onKeyUp={(event) => event.key === " " && finish()}
          onFocus={(event) => event.currentTarget.matches(":focus-visible") && setCursor((now) => now ?? centre)}
          onBlur={() => {
            finish();
            setCursor(null);
          }}
        />
        {cursor && <Cursor at={cursor} width={tool.shape === "brush" ? `${(100 * size) / width}%` : "0.6rem"} background={background} />}
      </div>
    </div>
  );
}

/** The brush's circle, or a point for outlines. */
function Cursor({ at, width, background }: { at: Point; width: string; background: Background }) {
  return (
    <span
      aria-hidden
      className="pointer-events-none absolute aspect-square -translate-1/2 rounded-full border border-white shadow-[0_0_0_1px_#000,inset_0_0_0_1px_#000]"
      style={{ left: `${(100 * at.x) / background.width}%`, top: `${(100 * at.y) / background.height}%`, width }}
    />
  );
}
