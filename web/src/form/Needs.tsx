/** A model that a choice needs and this machine lacks: what it is, its size, and a button that downloads it. */

import { CloudDownload } from "lucide-react";
import { useCallback } from "react";
import { api } from "../api/requests";
import type { Job, ModelInfo } from "../api/types";
import { useI18n } from "../i18n";
import { cancel } from "../parts/actions";
import { Bar } from "../parts/Bar";
import { withErrorToast } from "../parts/toasts";
import { putJobs, reloadQueue } from "../store/jobs";
import { isEnded, methodOf, useKnownJob, useModels } from "../store/queries";

export const useModel = (name: string | null): ModelInfo | undefined => useModels()?.find((model) => model.name === name);

/** The job that downloads `model`, while it waits or runs, or after it failed. */
export function useDownload(model: string): Job | undefined {
  const find = useCallback(
    (jobs: Job[]) => {
      const isOurs = (job: Job) => methodOf(job.method)?.family === "tool" && Object.values(job.params).includes(model) && (!isEnded(job) || job.state === "failed");
      return jobs.filter(isOurs).sort((a, b) => b.created_at.localeCompare(a.created_at))[0];
    },
    [model],
  );
  return useKnownJob(find);
}

const startDownload = (name: string): Promise<void> =>
  withErrorToast(async () => {
    putJobs([await api.pull(name)]);
    await reloadQueue();
  });

export function Needs({ model: name }: { model: string }) {
  const { t, w, bytes } = useI18n();
  const model = useModel(name);
  const job = useDownload(name);
  if (!model || model.installed) return null;
  const size = model.bytes === null ? "" : `, ${bytes(model.bytes)}`;
  return (
    <div className="note mt-2 flex-col" data-testid={`needs-${name}`}>
      <p>{t("needs.model", { model: w(model.title), size })}</p>
      <DownloadButton model={model} job={job} />
    </div>
  );
}

export function DownloadButton({ model, job }: { model: ModelInfo; job: Job | undefined }) {
  const { t, w, seconds, explain } = useI18n();
  if (job && !isEnded(job)) {
    const progress = job.progress;
    return (
      <div className="w-full">
        <div className="flex items-baseline justify-between gap-2 text-xs text-soft">
          <span>{progress ? t("pull.running", { n: Math.round((100 * progress.done) / Math.max(1, progress.total)) }) : t("pull.waiting")}</span>
          {progress?.eta != null && <span>{t("job.eta", { time: seconds(progress.eta) })}</span>}
          <button type="button" className="link" onClick={() => void cancel(job.id)}>
            {t("cancel")}
          </button>
        </div>
        <Bar done={progress ? progress.done / Math.max(1, progress.total) : null} label={t("pull.label", { model: w(model.title) })} />
      </div>
    );
  }
  return (
    <div className="flex w-full flex-col gap-2">
      {job?.state === "failed" && job.error && (
        <p className="text-bad" role="alert">
          {explain(job.error)}
        </p>
      )}
      {model.pullable ? (
        <button type="button" className="button self-start" onClick={() => void startDownload(model.name)}>
          <CloudDownload size={16} aria-hidden />
          {job?.state === "failed" ? t("pull.again") : t("pull")}
        </button>
      ) : (
        <p>{t("pull.not")}</p>
      )}
    </div>
  );
}
