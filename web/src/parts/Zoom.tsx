/** A picture in the whole window: fitted, at 100 % or larger, moved by dragging or scrolling. */

import { Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { useI18n } from "../i18n";
import { Dialog } from "./Dialog";
import { Picture } from "./Picture";

const LEVELS = [0.25, 0.5, 1, 2, 4, 8];

export function Zoom({ src, title, onClose }: { src: string; title: string; onClose: () => void }) {
  const [scale, setScale] = useState<number | "fit">("fit");
  const [natural, setNatural] = useState<{ width: number; height: number } | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const drag = useRef<{ x: number; y: number } | null>(null);
  const { t } = useI18n();

  const fitted = () => (natural && frame.current ? Math.min(frame.current.clientWidth / natural.width, frame.current.clientHeight / natural.height, 1) : 1);
  const now = () => (scale === "fit" ? fitted() : scale);
  const larger = () => setScale(LEVELS.find((level) => level > now() * 1.01) ?? 8);
  const smaller = () => setScale(LEVELS.findLast((level) => level < now() * 0.99 && level > fitted()) ?? "fit");

  // Zooming keeps the centre of the view.
  const middle = useRef({ x: 0.5, y: 0.5 });
  const onScroll = () => {
    const box = frame.current;
    if (box && scale !== "fit") middle.current = { x: (box.scrollLeft + box.clientWidth / 2) / box.scrollWidth, y: (box.scrollTop + box.clientHeight / 2) / box.scrollHeight };
  };
  useLayoutEffect(() => {
    const box = frame.current;
    if (!box) return;
    if (scale === "fit") middle.current = { x: 0.5, y: 0.5 };
    const { x, y } = middle.current;
    box.scrollTo(x * box.scrollWidth - box.clientWidth / 2, y * box.scrollHeight - box.clientHeight / 2);
  }, [scale]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "+" || event.key === "=") larger();
      else if (event.key === "-") smaller();
      else if (event.key === "0") setScale("fit");
      else if (event.key === "1") setScale(1);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });

  return (
    <Dialog
      title={title}
      shape="full"
      onClose={onClose}
      testid="zoom"
      actions={
        <>
          <span className="text-sm text-soft tabular-nums">{scale === "fit" ? t("zoom.fit") : `${Math.round(scale * 100)} %`}</span>
          <button type="button" className="icon-button" aria-label={t("zoom.out")} title={`${t("zoom.out")} (-)`} onClick={smaller}>
            <ZoomOut size={20} aria-hidden />
          </button>
          <button type="button" className="icon-button" aria-label={t("zoom.in")} title={`${t("zoom.in")} (+)`} onClick={larger}>
            <ZoomIn size={20} aria-hidden />
          </button>
          <button type="button" className="icon-button" aria-label={t("zoom.fit")} title={`${t("zoom.fit")} (0)`} onClick={() => setScale("fit")}>
            <Maximize size={18} aria-hidden />
          </button>
        </>
      }
    >
      <div
        ref={frame}
        tabIndex={0}
        role="group"
        aria-label={t("zoom.area")}
        className={`flex min-h-0 flex-1 overflow-auto bg-mount ${scale === "fit" ? "" : "cursor-grab active:cursor-grabbing"}`}
        onScroll={onScroll}
        onDoubleClick={() => setScale(scale === "fit" ? 1 : "fit")}
        onPointerDown={(event) => event.pointerType === "mouse" && (drag.current = { x: event.clientX, y: event.clientY })}
        onPointerMove={(event) => {
          if (!drag.current || !event.buttons) return;
          event.currentTarget.scrollBy(drag.current.x - event.clientX, drag.current.y - event.clientY);
          drag.current = { x: event.clientX, y: event.clientY };
        }}
        onPointerUp={() => (drag.current = null)}
      >
        <Picture
          src={src}
          alt={title}
          draggable={false}
          className={`m-auto shrink-0 ${scale === "fit" ? "max-h-full max-w-full object-contain" : "max-w-none"}`}
          style={scale !== "fit" && natural ? { width: natural.width * scale, imageRendering: scale > 1 ? "pixelated" : "auto" } : undefined}
          onLoad={(event) => setNatural({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight })}
        />
      </div>
    </Dialog>
  );
}
