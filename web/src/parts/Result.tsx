/** A finished job's outputs: to look at, compare, save, and continue with. */

import { FileText, Hourglass } from "lucide-react";
import { useState } from "react";
import { assetUrl, thumbUrl } from "../api/client";
import type { Job, Output } from "../api/types";
import { useI18n } from "../i18n";
import { Compare } from "./Compare";
import { Figures } from "./Figures";
import { inputOf, isImage, isVideo, nameOf } from "./jobInfo";
import { Notes } from "./Notes";
import { FittedPicture, Picture, useAddress } from "./Picture";
import { ResultActions } from "./ResultActions";
import { RivalSelect, type Rival } from "./Rivals";
import { Zoom } from "./Zoom";

export function Result({ job, inDialog = false }: { job: Job; inDialog?: boolean }) {
  const { t } = useI18n();
  const [index, setIndex] = useState(0);
  const [comparing, setComparing] = useState(true);
  const [zoomed, setZoomed] = useState(false);
  const [rival, setRival] = useState<Rival | null>(null);
  const output = job.outputs[Math.min(index, job.outputs.length - 1)];
  if (!output) return <FiguresAlone job={job} />;
  const input = isImage(output) && !isVideo(output) ? inputOf(job) : null;
  return (
    <div className={inDialog ? "flex min-h-0 flex-col items-center" : "stage"} data-testid="result">
      <div className="flex min-h-0 w-full flex-1 items-center justify-center">
        {input !== null && comparing ? (
          <Compare
            key={output.asset}
            before={assetUrl(rival?.asset ?? input)}
            after={assetUrl(output.asset)}
            beforeLabel={rival?.title ?? t("compare.before")}
            afterLabel={rival ? nameOf(job) : t("compare.after")}
            alt={output.name}
            width={output.width}
            height={output.height}
          />
        ) : (
          <Shown output={output} onZoom={() => setZoomed(true)} />
        )}
      </div>
      {job.outputs.length > 1 && <Thumbnails outputs={job.outputs} index={index} onPick={setIndex} />}
      <ResultActions
        job={job}
        output={output}
        comparing={input === null ? null : comparing}
        onCompare={() => setComparing(!comparing)}
        onZoom={() => setZoomed(true)}
        rivals={input !== null && comparing && <RivalSelect job={job} photo={input} chosen={rival} onChoose={setRival} />}
        inDialog={inDialog}
      />
      {!inDialog && <Summary job={job} output={output} />}
      <Notes job={job} />
      {zoomed && <Zoom src={assetUrl(output.asset)} title={output.name} onClose={() => setZoomed(false)} />}
    </div>
  );
}

/** The result of a method that measures, and makes no file. */
function FiguresAlone({ job }: { job: Job }) {
  const { t, seconds } = useI18n();
  return (
    <div className="stage" data-testid="result">
      {Object.keys(job.figures).length > 0 ? <Figures job={job} figures={job.figures} /> : <p>{t("result.none")}</p>}
      {job.seconds !== null && <p className="mt-3 text-xs text-soft tabular-nums">{seconds(job.seconds)}</p>}
      <Notes job={job} />
    </div>
  );
}

/** Size, time, seed and figures. */
function Summary({ job, output }: { job: Job; output: Output }) {
  const { t, seconds } = useI18n();
  const size = output.width && output.height ? `${output.width}\u00a0×\u00a0${output.height}` : null;
  const time = job.seconds === null ? null : seconds(job.seconds);
  const seed = typeof job.params.seed === "number" ? t("seed.was", { seed: job.params.seed }) : null;
  return (
    <div className="mt-3 flex flex-wrap items-center justify-center gap-x-4 gap-y-1 text-xs text-soft">
      <span className="tabular-nums">{[size, time, seed].filter(Boolean).join(" · ")}</span>
      <Figures job={job} figures={job.figures} />
    </div>
  );
}

function Thumbnails({ outputs, index, onPick }: { outputs: Output[]; index: number; onPick: (index: number) => void }) {
  const { t } = useI18n();
  return (
    <ul className="mt-3 flex max-w-full gap-2 overflow-x-auto p-1" aria-label={t("result.all")}>
      {outputs.map((one, n) => (
        <li key={one.asset + one.name}>
          <button type="button" className="thumb" aria-pressed={n === index} aria-label={t("image.nth", { n: n + 1 })} onClick={() => onPick(n)}>
            {isImage(one) || isVideo(one) ? <Picture src={thumbUrl(one.asset, 256)} alt="" className="size-14 object-cover" /> : <FileText size={20} aria-hidden className="m-4" />}
          </button>
        </li>
      ))}
    </ul>
  );
}

function Shown({ output, onZoom }: { output: Output; onZoom: () => void }) {
  const { t } = useI18n();
  const video = output.media_type.startsWith("video/");
  const { src } = useAddress(video ? assetUrl(output.asset) : null);
  if (video) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    // The videos have no speech, so there are no captions.
    return src ? <video src={src} className="hung" controls loop muted playsInline autoPlay={!still} aria-label={output.name} /> : <Hourglass aria-hidden />;
  }
  if (!isImage(output))
    return (
      <p className="rounded-lg bg-paper p-6 shadow">
        {output.name} <span className="text-soft">({output.media_type})</span>
      </p>
    );
  return (
    <button type="button" className="contents cursor-zoom-in" aria-label={t("zoom")} onClick={onZoom}>
      <FittedPicture src={assetUrl(output.asset)} alt={output.name} />
    </button>
  );
}
