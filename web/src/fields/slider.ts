/** The sliders of numeric fields. */

import type { FieldInfo } from "../api/types";
import { SEED } from "./values";

/** A number's slider. `log` if the range spans more than two powers of ten; an excluded lower end of 0 counts as one step. */
export interface SliderRange { min: number; max: number; step: number; log: boolean }

/** null where the range has no two ends. */
export function sliderRange(field: FieldInfo): SliderRange | null {
  const min = field.minimum ?? field.above;
  const max = field.maximum ?? field.below;
  if (min === null || max === null || field.name === SEED || max <= min) return null;
  const low = field.above === 0 ? (field.step ?? 0) : min;
  const log = low > 0 && max / low > 100;
  if (log) return { min: Math.log10(low), max: Math.log10(max), step: (Math.log10(max) - Math.log10(low)) / 200, log };
  const natural = field.kind === "int" ? Math.max(1, roundStep((max - min) / 200)) : roundStep((max - min) / 100);
  return { min, max, step: field.step ?? natural, log };
}

/** The largest of 1, 2, 5 × a power of ten that is at most `step`. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const lead = step / power;
  return Number(((lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power).toPrecision(12));
}
