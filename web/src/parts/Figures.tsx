/** What a method counted and measured, labelled by the method. */

import type { Job } from "../api/types";
import { figureName } from "../fields/figureName";
import { useI18n } from "../i18n";
import { useMethods } from "../store/queries";

export function Figures({ job, figures, title }: { job: Job; figures: Job["figures"]; title?: string }) {
  const { number, w } = useI18n();
  const method = useMethods()?.find((one) => one.name === job.method);
  const list = Object.entries(figures)
    .map(([name, value]) => ({ name, value, label: figureName(method, name, w) }))
    .filter(({ label }) => label);
  if (!list.length) return null;
  const table = (
    <dl className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft tabular-nums" data-testid="figures">
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
