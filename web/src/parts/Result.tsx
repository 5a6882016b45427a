/** A finished job's pictures: to look at, to compare, to take home, to carry on with. */

import { Columns2, Download, FileText, Hourglass, Info, Settings2, Undo2, ZoomIn } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { api, assetUrl, thumbUrl } from "../api/client";
import type { Job, ModelInfo, Output } from "../api/types";
import { useSpeech } from "../i18n";
import { studio } from "../store/studio";
import { beforeOf, download, isFilm, isImage, methodOf, nameOf, takeAsInput, takeSettings } from "./act";
import { Compare } from "./Compare";
import { Figures } from "./Figures";
import { Hanging, Picture, useAddress } from "./Picture";
import { Uses } from "./Uses";
import { Zoom } from "./Zoom";

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

/** The model that a training job made, while it is on this machine. */
function useMade(job: Job): ModelInfo | undefined {
  const method = methodOf(job.method);
  const name = method?.family === "train" ? job.params[method.subject] : undefined;
  return studio.use((state) => state.models?.find((model) => model.name === name && model.installed));
}

/** A finished job's pictures, to look at, compare, and carry on with. */
export function Result({ job, inDialog = false, children }: { job: Job; inDialog?: boolean; children?: ReactNode }) {
  const { t, w, seconds } = useSpeech();
  const [index, setIndex] = useState(0);
  const [comparing, setComparing] = useState(true);
  const [zoomed, setZoomed] = useState(false);
  const [against, setAgainst] = useState<Rival | null>(null);
  const output = job.outputs[Math.min(index, job.outputs.length - 1)];
  const model = useMade(job);
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
                {isImage(one) || isFilm(one) ? <Picture src={thumbUrl(one.asset, 256)} alt="" className="size-14 object-cover" /> : <FileText size={20} aria-hidden className="m-4" />}
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
        {job.outputs
          .filter((one) => one !== output && !isImage(one) && !isFilm(one))
          .map((one) => (
            <button key={one.name} type="button" className="button" onClick={() => void download(one)} data-testid={`download-${one.name}`}>
              <FileText size={16} aria-hidden />
              {one.name}
            </button>
          ))}
        {model && <Uses model={model} />}
        {still && !model && (
          <button type="button" className="button" onClick={() => takeAsInput(output)} data-testid="use-as-input">
            <Undo2 size={16} aria-hidden />
            {t("useasinput")}
          </button>
        )}
        {!inDialog && (
          <button type="button" className="button" onClick={() => void takeSettings(job.params)}>
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
          <Figures job={job} figures={job.figures} />
        </div>
      )}
      {job.notes.map((note) => (
        <p key={note.en} className="note mt-2 max-w-xl">
          <Info size={16} aria-hidden className="mt-0.5 shrink-0" />
          {w(note)}
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
    // No captions: nobody wrote any.
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
