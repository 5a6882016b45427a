/** A job's settings in words, in the form's order. */

import type { FieldInfo, Job, Method } from "../api/types";
import { initialValues, isActive, isBlank, isPicture, SEED } from "../fields/values";
import { useI18n } from "../i18n";
import { methodOf, useModels } from "../store/queries";

interface Row { name: string; value: unknown; field: FieldInfo | undefined }

/** Settings that do not apply, and those that were left to the method, are not listed. */
function rowsOf(job: Job, method: Method | undefined): Row[] {
  if (!method) return Object.entries(job.params).map(([name, value]) => ({ name, value, field: undefined }));
  const values = { ...initialValues(method), ...job.params };
  return method.fields.filter((field) => !isPicture(field) && isActive(field, values)).map((field) => ({ name: field.name, value: job.params[field.name], field }));
}

export function DetailSettings({ job }: { job: Job }) {
  const { t, w, number } = useI18n();
  const models = useModels();
  const show = ({ name, value, field }: Row): string => {
    if (typeof value === "boolean") return value ? t("yes") : t("no");
    if (typeof value === "number") return name === SEED ? String(value) : number(value, 6);
    const title = field?.choices.find((choice) => choice.value === value)?.label ?? (field?.kind === "weights" ? models?.find((model) => model.name === value)?.title : undefined);
    if (title) return w(title);
    if (field?.kind === "loras") return (value as { name: string; weight: number }[]).map((lora) => `${lora.name} × ${number(lora.weight, 2)}`).join("\n");
    return Array.isArray(value) ? value.join(", ") : String(value);
  };
  const rows = rowsOf(job, methodOf(job.method)).filter(({ name, value }) => name !== "method" && !isBlank(value));
  return (
    <section>
      <h3 className="mb-1 font-medium">{t("detail.settings")}</h3>
      <dl className="text-sm">
        {rows.map((row) => (
          <div key={row.name} data-setting={row.name} className={`gap-3 border-b border-line py-1 ${row.field?.kind === "long_text" ? "" : "flex justify-between"}`}>
            <dt className="text-soft">{row.field ? w(row.field.label) : row.name}</dt>
            <dd className="min-w-0 break-words whitespace-pre-wrap tabular-nums">{show(row)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
