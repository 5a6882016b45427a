/** The wall the picture hangs on: the example, the photo, the work in progress, the result. */

import { CircleStop, Columns2, Download, Film, Hourglass, Info, RotateCcw, Settings2, Undo2, ZoomIn } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { api, assetUrl, thumbUrl } from "../api/client";
import type { Job, Method, Output } from "../api/types";
import { useSpeech } from "../i18n";
import { easel, setCurrent } from "../store/easel";
import { studio, takeJobs } from "../store/studio";
import { attempt, beforeOf, cancel, download, isFilm, isImage, nameOf, takeAsInput, takeSettings } from "./act";
import { Bar } from "./Bar";
import { Compare } from "./Compare";
import { Hanging, Picture, useAddress } from "./Picture";
import { Zoom } from "./Zoom";

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
        <Hanging src={assetUrl(photo)} alt={known?.name ?? t("image.chosen")} />
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

export function Figures({ figures }: { figures: Record<string, number> }) {
  const { number } = useSpeech();
  const list = Object.entries(figures);
  if (!list.length) return null;
  return (
    <dl className="tabular flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft">
      {list.map(([name, value]) => (
        <div key={name} className="flex gap-1.5">
          <dt>{name.replaceAll("_", " ")}</dt>
          <dd className="text-ink">{number(value)}</dd>
        </div>
      ))}
    </dl>
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
          {job.progress ? <Figures figures={job.progress.figures} /> : <span />}
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
  const { t, fault } = useSpeech();
  if (!job.error) return null;
  return (
    <div role="alert" className="text-left">
      <p className="font-medium text-bad">{fault(job.error.code)}</p>
      <p className="mt-1 break-words text-sm">{job.error.message}</p>
      {job.error.hint && <p className="mt-1 break-words text-sm text-soft">{job.error.hint}</p>}
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
  const again = () =>
    void attempt(async () => {
      const next = await api.retry(job.id);
      takeJobs([next]);
      setCurrent(next.method, next.id);
    });
  return (
    <div className="stage">
      <div className="m-auto flex max-w-md flex-col items-start gap-3 rounded-lg bg-paper p-5 shadow" data-testid={job.state}>
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

/** Another picture made from the same photo. */
interface Rival { asset: string; title: string }

/** What the result is compared with: the photo it was made from, or what another method or other settings made of that photo. */
function Against({ job, subject, chosen, onChoose }: { job: Job; subject: string; chosen: Rival | null; onChoose: (rival: Rival | null) => void }) {
  const { t, when } = useSpeech();
  const finished = studio.use((state) => state.finished);
  const [rivals, setRivals] = useState<Rival[]>([]);
  useEffect(() => {
    let gone = false;
    api.jobs({ state: "done", limit: 200 }).then(
      (page) => {
        const others = page.jobs.filter((other) => other.id !== job.id && beforeOf(other) === subject);
        const made = others.map((other) => ({ asset: other.outputs.find((one) => isImage(one) && !isFilm(one))?.asset, title: `${nameOf(other)} · ${when(other.created_at)}` }));
        if (!gone) setRivals(made.filter((rival): rival is Rival => rival.asset !== undefined));
      },
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [job.id, subject, finished, when]);
  if (!rivals.length) return null;
  return (
    <label className="min-w-0">
      <span className="sr-only">{t("compare.with")}</span>
      <select className="input min-h-9 max-w-52 py-1 text-sm" value={chosen?.asset ?? ""} onChange={(event) => onChoose(rivals.find((rival) => rival.asset === event.target.value) ?? null)} data-testid="compare-with">
        <option value="">{t("compare.with.photo")}</option>
        {rivals.map((rival) => (
          <option key={rival.asset} value={rival.asset}>
            {t("compare.with.one", { title: rival.title })}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A finished job's pictures, to look at, compare, and carry on with. */
export function Result({ job, inDialog = false, children }: { job: Job; inDialog?: boolean; children?: ReactNode }) {
  const { t, seconds } = useSpeech();
  const [index, setIndex] = useState(0);
  const [comparing, setComparing] = useState(true);
  const [zoomed, setZoomed] = useState(false);
  const [against, setAgainst] = useState<Rival | null>(null);
  const output = job.outputs[Math.min(index, job.outputs.length - 1)];
  const before = beforeOf(job);
  if (!output) return <div className="stage">{t("result.none")}</div>;
  const still = isImage(output) && !isFilm(output);
  const comparable = still && before !== null;
  return (
    <div className={inDialog ? "flex min-h-0 flex-col items-center" : "stage"} data-testid="result">
      <div className="flex min-h-0 w-full flex-1 items-center justify-center">
        {comparable && comparing ? (
          <Compare
            key={output.asset}
            before={assetUrl(against?.asset ?? before)}
            after={assetUrl(output.asset)}
            beforeLabel={against?.title ?? t("compare.before")}
            afterLabel={against ? nameOf(job) : t("compare.after")}
            alt={output.name}
            width={output.width}
            height={output.height}
          />
        ) : (
          <Shown output={output} onZoom={() => setZoomed(true)} />
        )}
      </div>
      {job.outputs.length > 1 && (
        <ul className="mt-3 flex max-w-full gap-2 overflow-x-auto p-1" aria-label={t("result.all")}>
          {job.outputs.map((one, n) => (
            <li key={one.asset + one.name}>
              <button type="button" className="thumb" aria-pressed={n === index} aria-label={t("image.nth", { n: n + 1 })} onClick={() => setIndex(n)}>
                {isImage(one) ? <Picture src={thumbUrl(one.asset, 256)} alt="" className="size-14 object-cover" /> : <Film size={20} aria-hidden className="m-4" />}
              </button>
            </li>
          ))}
        </ul>
      )}
      <div className="mt-3 flex w-full flex-wrap items-center justify-center gap-1.5">
        {comparable && (
          <button type="button" className="button" aria-pressed={comparing} onClick={() => setComparing(!comparing)} data-testid="compare-toggle">
            <Columns2 size={16} aria-hidden />
            {t("compare")}
          </button>
        )}
        {comparable && comparing && <Against job={job} subject={before} chosen={against} onChoose={setAgainst} />}
        {still && (
          <button type="button" className="button" onClick={() => setZoomed(true)} data-testid="zoom-open">
            <ZoomIn size={16} aria-hidden />
            {t("zoom")}
          </button>
        )}
        <button type="button" className="button" onClick={() => void download(output)} data-testid="download">
          <Download size={16} aria-hidden />
          {t("download")}
        </button>
        {still && (
          <button type="button" className="button" onClick={() => takeAsInput(output)} data-testid="use-as-input">
            <Undo2 size={16} aria-hidden />
            {t("useasinput")}
          </button>
        )}
        {!inDialog && (
          <button type="button" className="button" onClick={() => takeSettings(job.params)}>
            <Settings2 size={16} aria-hidden />
            {t("settings.use")}
          </button>
        )}
        {children}
      </div>
      {!inDialog && (
        <div className="mt-3 flex flex-wrap items-center justify-center gap-x-4 gap-y-1 text-xs text-soft">
          <span className="tabular">
            {[output.width && output.height ? `${output.width}\u00a0×\u00a0${output.height}` : null, job.seconds === null ? null : seconds(job.seconds), typeof job.params.seed === "number" ? t("seed.was", { seed: job.params.seed }) : null]
              .filter(Boolean)
              .join(" · ")}
          </span>
          <Figures figures={job.figures} />
        </div>
      )}
      {job.notes.map((note) => (
        <p key={note} className="note mt-2 max-w-xl">
          <Info size={16} aria-hidden className="mt-0.5 shrink-0" />
          {note}
        </p>
      ))}
      {zoomed && <Zoom src={assetUrl(output.asset)} title={output.name} onClose={() => setZoomed(false)} />}
    </div>
  );
}

const still = matchMedia("(prefers-reduced-motion: reduce)");

function Shown({ output, onZoom }: { output: Output; onZoom: () => void }) {
  const { t } = useSpeech();
  const { src } = useAddress(output.media_type.startsWith("video/") ? assetUrl(output.asset) : null);
  if (output.media_type.startsWith("video/"))
    // No captions: these films are silent.
    return src ? <video src={src} className="hung" controls loop muted playsInline autoPlay={!still.matches} aria-label={output.name} /> : <Hourglass aria-hidden />;
  if (!isImage(output))
    return (
      <p className="rounded-lg bg-paper p-6 shadow">
        {output.name} <span className="text-soft">({output.media_type})</span>
      </p>
    );
  return (
    <button type="button" className="contents cursor-zoom-in" aria-label={t("zoom")} onClick={onZoom}>
      <Hanging src={assetUrl(output.asset)} alt={output.name} />
    </button>
  );
}
