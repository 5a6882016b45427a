/** The queue: what runs, what waits, what failed; and the hands on it. */

import { ArrowDown, ArrowUp, CircleStop, Pause, Play, RotateCcw, X } from "lucide-react";
import { useEffect, useState } from "react";
import { api, thumbUrl } from "../api/client";
import type { Job } from "../api/types";
import { useSpeech } from "../i18n";
import { loadQueue, studio, takeJobs } from "../store/studio";
import { attempt, beforeOf, cancel, cancelAll, methodOf, nameOf, runAgain } from "./act";
import { Dialog } from "./Dialog";
import { Picture } from "./Picture";
import { roomPath } from "./route";
import { FaultNote, ProgressLine } from "./Stage";
import { setCurrent } from "../store/easel";

const FAILED = 10;

export function QueuePanel({ onClose }: { onClose: () => void }) {
  const { t } = useSpeech();
  const order = studio.use((state) => state.queue);
  const jobs = studio.use((state) => state.jobs);
  const paused = studio.use((state) => state.paused);
  const [failed, setFailed] = useState<Job[]>([]);
  const open = order.map((id) => jobs[id]).filter((job): job is Job => job !== undefined && (job.state === "running" || job.state === "queued"));
  const running = open.filter((job) => job.state === "running");
  const waiting = open.filter((job) => job.state === "queued");
  const unlisted = Math.max(0, studio.use((state) => state.waiting) - waiting.length);
  useEffect(() => {
    void attempt(async () => {
      await loadQueue();
      setFailed((await api.jobs({ state: "failed", limit: FAILED })).jobs);
    });
  }, [open.length]);
  const move = (id: string, before: string | null) =>
    void attempt(async () => {
      await api.move(id, before);
      await loadQueue();
    });
  const toggle = () =>
    void attempt(async () => {
      await (paused ? api.resume() : api.pause());
      await loadQueue();
    });
  return (
    <Dialog title={t("queue")} shape="drawer" onClose={onClose} testid="queue">
      <div className="flex gap-2 border-b border-line px-4 py-3">
        <button type="button" className="button" aria-pressed={paused} onClick={toggle} data-testid="pause">
          {paused ? <Play size={16} aria-hidden /> : <Pause size={16} aria-hidden />}
          {paused ? t("queue.resume") : t("queue.pause")}
        </button>
        {open.length > 0 && (
          <button type="button" className="button" onClick={() => void cancelAll()}>
            <CircleStop size={16} aria-hidden />
            {t("queue.cancelall")}
          </button>
        )}
      </div>
      <div className="drawer-list flex min-h-0 flex-1 flex-col gap-6 overflow-y-auto p-4">
        {paused && <p className="note">{t("queue.paused")}</p>}
        {!open.length && !failed.length && <p className="py-10 text-center text-soft">{t("queue.empty")}</p>}
        {running.length > 0 && (
          <Section title={t("queue.running")}>
            {running.map((job) => (
              <Item key={job.id} job={job} onClose={onClose}>
                <IconButton label={t("cancel")} onClick={() => void cancel(job.id)} disabled={job.cancelling} icon={<X size={16} aria-hidden />} />
              </Item>
            ))}
          </Section>
        )}
        {waiting.length > 0 && (
          <Section title={t("queue.waiting", { n: waiting.length + unlisted })}>
            {waiting.map((job, n) => (
              <Item key={job.id} job={job} onClose={onClose}>
                <IconButton label={t("queue.up")} disabled={n === 0} onClick={() => move(job.id, waiting[n - 1]?.id ?? null)} icon={<ArrowUp size={16} aria-hidden />} />
                <IconButton label={t("queue.down")} disabled={n === waiting.length - 1} onClick={() => move(job.id, waiting[n + 2]?.id ?? null)} icon={<ArrowDown size={16} aria-hidden />} />
                <IconButton label={t("cancel")} onClick={() => void cancel(job.id)} icon={<X size={16} aria-hidden />} />
              </Item>
            ))}
          </Section>
        )}
        {failed.length > 0 && (
          <Section title={t("queue.failed")}>
            {failed.map((job) => (
              <Item key={job.id} job={job} onClose={onClose}>
                <IconButton label={t("retry")} onClick={() => void runAgain(job)} icon={<RotateCcw size={16} aria-hidden />} />
                <IconButton
                  label={t("queue.dismiss")}
                  onClick={() =>
                    void attempt(async () => {
                      await api.remove(job.id);
                      setFailed((all) => all.filter((one) => one.id !== job.id));
                    })
                  }
                  icon={<X size={16} aria-hidden />}
                />
              </Item>
            ))}
          </Section>
        )}
      </div>
    </Dialog>
  );
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section>
      <h3 className="mb-2 text-sm font-medium text-soft">{title}</h3>
      <ul className="flex flex-col gap-3">{children}</ul>
    </section>
  );
}

function IconButton({ label, icon, onClick, disabled }: { label: string; icon: React.ReactNode; onClick: () => void; disabled?: boolean }) {
  return (
    <button type="button" className="icon-button" aria-label={label} title={label} onClick={onClick} disabled={disabled}>
      {icon}
    </button>
  );
}

function Item({ job, children, onClose }: { job: Job; children: React.ReactNode; onClose: () => void }) {
  const preview = studio.use((state) => state.previews[job.id]);
  const method = methodOf(job.method);
  const before = beforeOf(job);
  const title = nameOf(job);
  const words = method && job.params[method.subject];
  return (
    <li className="rounded-lg border border-line bg-wall p-3" data-testid="queue-item">
      <div className="flex items-center gap-3">
        {preview ? <img src={preview} alt="" className="size-12 shrink-0 rounded-sm object-cover" /> : before ? <Picture src={thumbUrl(before, 256)} alt="" className="size-12 shrink-0 rounded-sm object-cover" /> : null}
        <div className="min-w-0 flex-1">
          {method && method.family !== "tool" ? (
            <a
              href={roomPath(job.method)}
              className="link block truncate font-medium"
              onClick={() => {
                takeJobs([job]);
                setCurrent(job.method, job.id);
                onClose();
              }}
            >
              {title}
            </a>
          ) : (
            <p className="truncate font-medium">{title}</p>
          )}
          {typeof words === "string" && words !== before && !/^[0-9a-f]{64}$/.test(words) && <p className="truncate text-xs text-soft">{words}</p>}
        </div>
        <div className="flex">{children}</div>
      </div>
      <div className="mt-2">{job.state === "failed" ? <FaultNote job={job} /> : <ProgressLine job={job} />}</div>
    </li>
  );
}
