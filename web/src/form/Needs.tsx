/** A model that a choice wants and this machine lacks: what it is, how big, and one click to bring it. */

import { CloudDownload } from "lucide-react";
import type { Job, ModelInfo } from "../api/types";
import { api } from "../api/client";
import { useSpeech } from "../i18n";
import { Bar } from "../parts/Bar";
import { attempt, cancel } from "../parts/act";
import { ended, loadQueue, studio, takeJobs } from "../store/studio";

export const useModel = (name: string | null): ModelInfo | undefined => studio.use((state) => (name ? state.models?.find((model) => model.name === name) : undefined));

/** The job that brings `model`, while it waits or runs, or after it failed. */
export function usePulling(model: string): Job | undefined {
  return studio.use((state) => {
    const tools = new Set(state.methods?.filter((method) => method.family === "tool").map((method) => method.name));
    const pulls = Object.values(state.jobs).filter((job) => tools.has(job.method) && Object.values(job.params).includes(model) && (!ended(job) || job.state === "failed"));
    return pulls.sort((a, b) => b.created_at.localeCompare(a.created_at))[0];
  });
}

export const pull = (name: string): Promise<void> =>
  attempt(async () => {
    takeJobs([await api.pull(name)]);
    await loadQueue();
  });

export function Needs({ model: name }: { model: string }) {
  const { t, w, bytes } = useSpeech();
  const model = useModel(name);
  const job = usePulling(name);
  if (!model || model.installed) return null;
  const size = model.bytes === null ? "" : `, ${bytes(model.bytes)}`;
  return (
    <div className="note mt-2 flex-col" data-testid={`needs-${name}`}>
      <p>{t("needs.model", { model: w(model.title), size })}</p>
      <PullButton model={model} job={job} />
    </div>
  );
}

export function PullButton({ model, job }: { model: ModelInfo; job: Job | undefined }) {
  const { t, w, seconds, explain } = useSpeech();
  if (job && !ended(job)) {
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
        <Bar share={progress ? progress.done / Math.max(1, progress.total) : null} label={t("pull.label", { model: w(model.title) })} />
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
        <button type="button" className="button self-start" onClick={() => void pull(model.name)}>
          <CloudDownload size={16} aria-hidden />
          {job?.state === "failed" ? t("pull.again") : t("pull")}
        </button>
      ) : (
        <p>{t("pull.not")}</p>
      )}
    </div>
  );
}
