/** What a method counted and measured, under the names that it gives to its figures. */

import type { Job } from "../api/types";
import { useSpeech } from "../i18n";
import { studio } from "../store/studio";
import { figureName } from "./figureName";

export function Figures({ job, figures, title }: { job: Job; figures: Job["figures"]; title?: string }) {
  const { number, w } = useSpeech();
  const method = studio.use((state) => state.methods?.find((one) => one.name === job.method));
  const list = Object.entries(figures)
    .map(([name, value]) => ({ name, value, label: figureName(method, name, w) }))
    .filter(({ label }) => label);
  if (!list.length) return null;
  const table = (
    <dl className="tabular flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft" data-testid="figures">
      {list.map(({ name, value, label }) => (
        <div key={name} className="flex gap-1.5">
          <dt>{label}</dt>
          <dd className="text-ink">{number(value)}</dd>
        </div>
      ))}
    </dl>
  );
  if (title === undefined) return table;
  return (
    <section>
      <h3 className="mb-1 font-medium">{title}</h3>
      {table}
    </section>
  );
}
