/** How far a job is: its step or its place in the queue, the time left, a bar. */

import type { Job } from "../api/types";
import { useI18n } from "../i18n";
import { Bar } from "./Bar";

function useStatus(job: Job): string {
  const { t } = useI18n();
  const { progress } = job;
  if (job.cancelling) return t("job.stopping");
  if (job.state === "queued") return job.position ? t("job.waiting", { position: job.position }) : t("job.queued");
  return progress ? t("job.step", { done: progress.done, total: progress.total }) : t("job.starting");
}

export function JobProgress({ job }: { job: Job }) {
  const { t, seconds } = useI18n();
  const status = useStatus(job);
  const { progress } = job;
  const done = progress && progress.total > 0 ? progress.done / progress.total : null;
  return (
    <div>
      <div className="mb-1 flex items-baseline justify-between gap-3 text-sm tabular-nums">
        <span>{status}</span>
        <span className="text-soft">{progress?.eta != null && job.state === "running" && !job.cancelling ? t("job.eta", { time: seconds(progress.eta) }) : ""}</span>
      </div>
      <Bar done={job.state === "queued" ? 0 : done} label={t("job.progress")} testid="progress" />
    </div>
  );
}
