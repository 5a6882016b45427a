/** Why a job failed, in the user's language where possible, and what to do. */

import type { Job } from "../api/types";
import { useI18n } from "../i18n";

export function ErrorNote({ job }: { job: Job }) {
  const { t, errorTitle, explain, translates } = useI18n();
  if (!job.error) return null;
  const original = (
    <>
      <p className="mt-1 text-sm break-words">{job.error.message}</p>
      {job.error.hint && <p className="mt-1 text-sm break-words text-soft">{job.error.hint}</p>}
    </>
  );
  return (
    <div role="alert" className="text-left">
      <p className="font-medium text-bad">{errorTitle(job.error.code)}</p>
      {translates(job.error.code) ? (
        <>
          <p className="mt-1 text-sm">{explain(job.error)}</p>
          <details className="mt-1 text-xs text-soft" lang="en">
            <summary className="cursor-pointer">{t("fault.own")}</summary>
            {original}
          </details>
        </>
      ) : (
        original
      )}
      {job.error.code.startsWith("weights") && (
        <a className="link mt-2 inline-block text-sm" href="#/models">
          {t("models.open")}
        </a>
      )}
    </div>
  );
}
