/** The queue: what runs, what waits, what failed, with controls for each. */

import { ArrowDown, ArrowUp, CircleStop, Pause, Play, RotateCcw, X } from "lucide-react";
import type { ReactNode } from "react";
import { api } from "../api/requests";
import type { Job } from "../api/types";
import { useI18n } from "../i18n";
import { forgetJob, reloadQueue } from "../store/jobs";
import { useJobs, useQueue } from "../store/queries";
import { runAgain } from "./actions";
import { useCancel } from "./cancel";
import { Dialog } from "./Dialog";
import { QueueItem } from "./QueueItem";
import { withErrorToast } from "./toasts";

const MAX_FAILED = 10;

/** Runs `what`, then shows the queue as it is afterwards. */
const changeQueue = (what: () => Promise<unknown>): void =>
  void withErrorToast(async () => {
    await what();
    await reloadQueue();
  });

export function QueuePanel({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  const queue = useQueue();
  const failed = useJobs({ state: "failed", limit: MAX_FAILED });
  const { cancelJob, cancelJobs, dialog } = useCancel();
  const paused = queue?.paused ?? false;
  const running = queue?.jobs.filter((job) => job.state === "running") ?? [];
  const waiting = queue?.jobs.filter((job) => job.state === "queued") ?? [];
  const open = [...running, ...waiting];
  const item = (job: Job, buttons: ReactNode) => (
    <QueueItem key={job.id} job={job} onClose={onClose}>
      {buttons}
    </QueueItem>
  );
  return (
    <Dialog title={t("queue")} shape="drawer" onClose={onClose} testid="queue">
      <div className="flex gap-2 border-b border-line px-4 py-3">
        <button type="button" className="button" aria-pressed={paused} onClick={() => changeQueue(paused ? api.resume : api.pause)} data-testid="pause">
          {paused ? <Play size={16} aria-hidden /> : <Pause size={16} aria-hidden />}
          {paused ? t("queue.resume") : t("queue.pause")}
        </button>
        {open.length > 0 && (
          <button type="button" className="button" onClick={() => cancelJobs(open)}>
            <CircleStop size={16} aria-hidden />
            {t("queue.cancelall")}
          </button>
        )}
      </div>
      <div className="flex min-h-0 flex-1 flex-col gap-6 overflow-y-auto p-4 in-[:has(:popover-open)]:pb-[calc(40dvh+1.5rem)]">
        {paused && <p className="note">{t("queue.paused")}</p>}
        {!open.length && !failed.length && <p className="py-10 text-center text-soft">{t("queue.empty")}</p>}
        {running.length > 0 && (
          <Section title={t("queue.running")}>
            {running.map((job) => item(job, <IconButton label={t("cancel")} onClick={() => cancelJob(job)} disabled={job.cancelling} icon={<X size={16} aria-hidden />} />))}
          </Section>
        )}
        {waiting.length > 0 && (
          <Section title={t("queue.waiting", { n: Math.max(queue?.queued ?? 0, waiting.length) })}>
            {waiting.map((job, n) =>
              item(
                job,
                <>
                  <IconButton label={t("queue.up")} disabled={n === 0} onClick={() => changeQueue(() => api.move(job.id, waiting[n - 1]?.id ?? null))} icon={<ArrowUp size={16} aria-hidden />} />
                  <IconButton label={t("queue.down")} disabled={n === waiting.length - 1} onClick={() => changeQueue(() => api.move(job.id, waiting[n + 2]?.id ?? null))} icon={<ArrowDown size={16} aria-hidden />} />
                  <IconButton label={t("cancel")} onClick={() => cancelJob(job)} icon={<X size={16} aria-hidden />} />
                </>,
              ),
            )}
          </Section>
        )}
        {failed.length > 0 && (
          <Section title={t("queue.failed")}>
            {failed.map((job) =>
              item(
                job,
                <>
                  <IconButton label={t("retry")} onClick={() => void runAgain(job)} icon={<RotateCcw size={16} aria-hidden />} />
                  <IconButton label={t("queue.dismiss")} onClick={() => changeQueue(() => api.remove(job.id).then(() => forgetJob(job.id)))} icon={<X size={16} aria-hidden />} />
                </>,
              ),
            )}
          </Section>
        )}
      </div>
      {dialog}
    </Dialog>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h3 className="mb-2 text-sm font-medium text-soft">{title}</h3>
      <ul className="flex flex-col gap-3">{children}</ul>
    </section>
  );
}

function IconButton({ label, icon, onClick, disabled }: { label: string; icon: ReactNode; onClick: () => void; disabled?: boolean }) {
  return (
    <button type="button" className="icon-button" aria-label={label} title={label} onClick={onClick} disabled={disabled}>
      {icon}
    </button>
  );
}
