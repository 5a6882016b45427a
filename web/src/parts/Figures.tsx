/** What a method counted and measured. */

import { useSpeech } from "../i18n";

/** Figures for tests of ours, not for visitors. */
const INWARD = ["covered"];

/** Those that a visitor is told. */
export const told = (figures: Record<string, number>): [string, number][] => Object.entries(figures).filter(([name]) => !INWARD.includes(name));

export function Figures({ figures }: { figures: Record<string, number> }) {
  const { number } = useSpeech();
  const list = told(figures);
  if (!list.length) return null;
  return (
    <dl className="tabular flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft">
      {list.map(([name, value]) => (
        <div key={name} className="flex gap-1.5">
          <dt>{name.replaceAll("_", " ")}</dt>
          <dd className="text-ink">{number(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
