/** Before and after under one curtain. The curtain is a range input: mouse, touch, arrow keys and screen readers all know it. */

import { useState } from "react";
import { useSpeech } from "../i18n";
import { fitted, Picture } from "./Picture";

interface Props { before: string; after: string; beforeLabel: string; afterLabel: string; alt: string; width: number | null; height: number | null }

export function Compare({ before, after, beforeLabel, afterLabel, alt, width, height }: Props) {
  const [at, setAt] = useState(50);
  const [size, setSize] = useState(width && height ? { width, height } : null);
  const { t } = useSpeech();
  return (
    <div className="compare" data-testid="compare" style={size ? fitted(size.width, size.height) : undefined}>
      <Picture
        src={after}
        alt={alt}
        className="absolute inset-0 size-full object-cover"
        onLoad={(event) => setSize({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight })}
      />
      <div className="absolute inset-0" style={{ clipPath: `inset(0 ${100 - at}% 0 0)` }}>
        <Picture src={before} alt={beforeLabel} className="absolute inset-0 size-full object-cover" />
      </div>
      <span className="compare-label left-2" style={{ opacity: at > 12 ? 1 : 0 }} aria-hidden>
        {beforeLabel}
      </span>
      <span className="compare-label right-2" style={{ opacity: at < 88 ? 1 : 0 }} aria-hidden>
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
        className="compare-range"
      />
      <div className="compare-line" style={{ left: `${at}%` }} aria-hidden>
        <span />
      </div>
    </div>
  );
}
