/** The wall the picture hangs on: the example, the photo, the work in progress, the result. */

import { CircleStop, RotateCcw } from "lucide-react";
import type { ReactNode } from "react";
import { api, assetUrl, thumbUrl } from "../api/client";
import type { Job, Method } from "../api/types";
import { useSpeech } from "../i18n";
import { easel, setCurrent } from "../store/easel";
import { studio, takeJobs } from "../store/studio";
import { attempt, beforeOf, cancel } from "./act";
import { Bar } from "./Bar";
import { Figures } from "./Figures";
import { Hanging } from "./Picture";
import { Result } from "./Result";

export function Stage({ method, job, photo }: { method: Method; job: Job | null; photo: string | null }) {
  if (!job) return <Idle method={method} photo={photo} />;
  if (job.state === "done") return <Result job={job} />;
  if (job.state === "failed" || job.state === "cancelled") return <Stopped job={job} />;
  return <Working job={job} />;
}

function Idle({ method, photo }: { method: Method; photo: string | null }) {
  const { t, w } = useSpeech();
  const known = easel.use((state) => (photo ? state.known[photo] : undefined));
  if (photo)
    return (
      <Hung caption={t("stage.photo")}>
        <Hanging src={known?.seconds == null ? assetUrl(photo) : thumbUrl(photo, 512)} alt={known?.name ?? t("image.chosen")} />
      </Hung>
    );
  if (!method.example) return <Hung caption={w(method.summary)}>{null}</Hung>;
  return (
    <Hung caption={t("stage.example")}>
      <Hanging src={method.example} alt={t("stage.example.of", { method: w(method.title) })} />
    </Hung>
  );
}

function Hung({ children, caption }: { children: ReactNode; caption?: ReactNode }) {
  return (
    <div className="stage">
      <div className="flex min-h-0 w-full flex-1 items-center justify-center">{children}</div>
      {caption && <p className="mt-3 text-center text-sm text-soft">{caption}</p>}
    </div>
  );
}

export function ProgressLine({ job }: { job: Job }) {
  const { t, seconds } = useSpeech();
  const progress = job.progress;
  const share = progress && progress.total > 0 ? progress.done / progress.total : null;
  const words = job.cancelling
    ? t("job.stopping")
    : job.state === "queued"
      ? job.position
        ? t("job.waiting", { position: job.position })
        : t("job.queued")
      : progress
        ? t("job.step", { done: progress.done, total: progress.total })
        : t("job.starting");
  return (
    <div>
      <div className="tabular mb-1 flex items-baseline justify-between gap-3 text-sm">
        <span>{words}</span>
        <span className="text-soft">{progress?.eta != null && job.state === "running" && !job.cancelling ? t("job.eta", { time: seconds(progress.eta) }) : ""}</span>
      </div>
      <Bar share={job.state === "queued" ? 0 : share} label={t("job.progress")} testid="progress" />
    </div>
  );
}

function Working({ job }: { job: Job }) {
  const { t } = useSpeech();
  const preview = studio.use((state) => state.previews[job.id]);
  const before = beforeOf(job);
  return (
    <div className="stage" aria-busy>
      <div className="flex min-h-0 w-full flex-1 items-center justify-center">
        {preview ? (
          <Hanging src={preview} alt={t("stage.preview")} testid="preview" />
        ) : before ? (
          <Hanging src={thumbUrl(before, 512)} alt={t("stage.photo")} className="waiting" />
        ) : (
          <div className="hung waiting aspect-square w-64 bg-paper" />
        )}
      </div>
      <div className="mt-4 w-full max-w-xl">
        <ProgressLine job={job} />
        <div className="mt-2 flex min-h-9 items-center justify-between gap-3">
          {job.progress ? <Figures job={job} figures={job.progress.figures} /> : <span />}
          <button type="button" className="button shrink-0" disabled={job.cancelling} onClick={() => void cancel(job.id)} data-testid="cancel" title="Esc">
            <CircleStop size={16} aria-hidden />
            {t("cancel")}
          </button>
        </div>
      </div>
    </div>
  );
}

export function FaultNote({ job }: { job: Job }) {
  const { t, fault, explain, translates } = useSpeech();
  if (!job.error) return null;
  const own = (
    <>
      <p className="mt-1 break-words text-sm">{job.error.message}</p>
      {job.error.hint && <p className="mt-1 break-words text-sm text-soft">{job.error.hint}</p>}
    </>
  );
  return (
    <div role="alert" className="text-left">
      <p className="font-medium text-bad">{fault(job.error.code)}</p>
      {translates(job.error.code) ? (
        <>
          <p className="mt-1 text-sm">{explain(job.error)}</p>
          <details className="mt-1 text-xs text-soft" lang="en">
            <summary className="cursor-pointer">{t("fault.own")}</summary>
            {own}
          </details>
        </>
      ) : (
        own
      )}
      {job.error.code.startsWith("weights") && (
        <a className="link mt-2 inline-block text-sm" href="#/models">
          {t("models.open")}
        </a>
      )}
    </div>
  );
}

function Stopped({ job }: { job: Job }) {
  const { t } = useSpeech();
  const preview = studio.use((state) => state.previews[job.id]);
  const before = beforeOf(job);
  const again = () =>
    void attempt(async () => {
      const next = await api.retry(job.id);
      takeJobs([next]);
      setCurrent(next.method, next.id);
    });
  return (
    <div className="stage">
      {(preview ?? before) && (
        <div className="mb-4 flex min-h-0 w-full flex-1 items-center justify-center">
          {preview ? <Hanging src={preview} alt={t("stage.preview")} className="faded" testid="left" /> : <Hanging src={assetUrl(before ?? "")} alt={t("stage.photo")} className="faded" testid="left" />}
        </div>
      )}
      <div className={`${preview ?? before ? "mx-auto" : "m-auto"} flex max-w-md flex-col items-start gap-3 rounded-lg bg-paper p-5 shadow`} data-testid={job.state}>
        {job.state === "failed" ? <FaultNote job={job} /> : <p className="font-medium">{t("job.cancelled")}</p>}
        <div className="flex gap-2">
          <button type="button" className="button" onClick={again}>
            <RotateCcw size={16} aria-hidden />
            {t("retry")}
          </button>
          <button type="button" className="button-plain" onClick={() => setCurrent(job.method, null)}>
            {t("close")}
          </button>
        </div>
      </div>
    </div>
  );
}
