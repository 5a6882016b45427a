/** Before and after, with a divider between them. The divider is a range input, so mouse, touch, arrow keys and screen readers can all move it. */

import { useState } from "react";
import { useI18n } from "../i18n";
import { fitted, Picture } from "./Picture";

interface Props { before: string; after: string; beforeLabel: string; afterLabel: string; alt: string; width: number | null; height: number | null }

const LABEL = "overlay pointer-events-none absolute top-2 rounded px-2 py-[0.05rem] text-xs/[inherit] transition-opacity duration-120";

export function Compare({ before, after, beforeLabel, afterLabel, alt, width, height }: Props) {
  const [at, setAt] = useState(50);
  const [size, setSize] = useState(width && height ? { width, height } : null);
  const { t } = useI18n();
  return (
    <div className="relative w-full overflow-hidden rounded-xs shadow-hung" data-testid="compare" style={size ? fitted(size.width, size.height) : undefined}>
      <Picture
        src={after}
        alt={alt}
        className="absolute inset-0 size-full object-cover"
        onLoad={(event) => setSize({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight })}
      />
      <div className="absolute inset-0" style={{ clipPath: `inset(0 ${100 - at}% 0 0)` }}>
        <Picture src={before} alt={beforeLabel} className="absolute inset-0 size-full object-cover" />
      </div>
      <span className={`${LABEL} left-2`} style={{ opacity: at > 12 ? 1 : 0 }} aria-hidden data-testid="compare-label">
        {beforeLabel}
      </span>
      <span className={`${LABEL} right-2`} style={{ opacity: at < 88 ? 1 : 0 }} aria-hidden data-testid="compare-label">
        {afterLabel}
      </span>
      <input
        type="range"
        min={0}
        max={100}
        step={1}
        value={at}
        aria-label={t("compare.label")}
        aria-valuetext={t("compare.value", { n: at })}
        onChange={(event) => setAt(Number(event.target.value))}
        className="peer absolute inset-0 m-0 size-full cursor-ew-resize touch-pan-y opacity-0"
      />
      <div className="pointer-events-none absolute inset-y-0 -ml-px w-0.5 bg-white shadow-[0_0_4px_rgb(0_0_0/0.5)]" style={{ left: `${at}%` }} aria-hidden />
      <span
        className="pointer-events-none absolute top-1/2 size-9 -translate-1/2 rounded-full bg-white text-[#211e19] shadow-[0_1px_5px_rgb(0_0_0/0.5)] outline-offset-2 outline-seal peer-focus-visible:outline-3"
        style={{ left: `${at}%` }}
        aria-hidden
      >
        <svg viewBox="0 0 36 36" fill="none" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round" strokeLinejoin="round">
          <path d="M14 12l-6 6 6 6M22 12l6 6-6 6" />
        </svg>
      </span>
    </div>
  );
}
