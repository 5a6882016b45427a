/** Where a method's page shows its picture: the example, the photo, the preview, the result. */

import { CircleStop, RotateCcw } from "lucide-react";
import type { ReactNode } from "react";
import { assetUrl, thumbUrl } from "../api/client";
import type { Job, Method } from "../api/types";
import { useI18n } from "../i18n";
import { setCurrent } from "../store/form";
import { usePreview } from "../store/queries";
import { uploads } from "../store/uploads";
import { retry } from "./actions";
import { ErrorNote } from "./ErrorNote";
import { Figures } from "./Figures";
import { inputOf } from "./jobInfo";
import { JobProgress } from "./JobProgress";
import { Notes } from "./Notes";
import { FittedPicture } from "./Picture";
import { Result } from "./Result";

interface Props { method: Method; job: Job | null; photo: string | null; onCancel: (job: Job) => void }

export function Stage({ method, job, photo, onCancel }: Props) {
  if (!job) return <Idle method={method} photo={photo} />;
  if (job.state === "done") return <Result job={job} />;
  if (job.state === "failed" || job.state === "cancelled") return <Stopped job={job} />;
  return <Working job={job} onCancel={() => onCancel(job)} />;
}

function Idle({ method, photo }: { method: Method; photo: string | null }) {
  const { t, w } = useI18n();
  const info = uploads.use((state) => (photo ? state.pictures[photo] : undefined));
  if (photo)
    return (
      <Captioned caption={t("stage.photo")}>
        <FittedPicture src={info?.seconds == null ? assetUrl(photo) : thumbUrl(photo, 512)} alt={info?.name ?? t("image.chosen")} />
      </Captioned>
    );
  if (!method.example) return <Captioned caption={w(method.summary)}>{null}</Captioned>;
  return (
    <Captioned caption={t("stage.example")}>
      <FittedPicture src={method.example} alt={t("stage.example.of", { method: w(method.title) })} />
    </Captioned>
  );
}

function Captioned({ children, caption }: { children: ReactNode; caption: string }) {
  return (
    <div className="stage">
      <div className="flex min-h-0 w-full flex-1 items-center justify-center">{children}</div>
      <p className="mt-3 text-center text-sm text-soft">{caption}</p>
    </div>
  );
}

function Working({ job, onCancel }: { job: Job; onCancel: () => void }) {
  const { t } = useI18n();
  const preview = usePreview(job.id);
  const input = inputOf(job);
  return (
    <div className="stage" aria-busy>
      <div className="flex min-h-0 w-full flex-1 items-center justify-center">
        {preview ? (
          <FittedPicture src={preview} alt={t("stage.preview")} testid="preview" />
        ) : input ? (
          <FittedPicture src={thumbUrl(input, 512)} alt={t("stage.photo")} className="animate-breathe" />
        ) : (
          <div className="hung aspect-square w-64 animate-breathe bg-paper" />
        )}
      </div>
      <div className="mt-4 w-full max-w-xl">
        <JobProgress job={job} />
        <div className="mt-2 flex min-h-9 items-center justify-between gap-3">
          {job.progress ? <Figures job={job} figures={job.progress.figures} /> : <span />}
          <button type="button" className="button shrink-0" disabled={job.cancelling} onClick={onCancel} data-testid="cancel" title="Esc">
            <CircleStop size={16} aria-hidden />
            {t("cancel")}
          </button>
        </div>
        <Notes job={job} />
      </div>
    </div>
  );
}

function Stopped({ job }: { job: Job }) {
  const { t } = useI18n();
  const preview = usePreview(job.id);
  const input = inputOf(job);
  const picture = preview ?? (input && assetUrl(input));
  return (
    <div className="stage">
      {picture && (
        <div className="mb-4 flex min-h-0 w-full flex-1 items-center justify-center">
          <FittedPicture src={picture} alt={t(preview ? "stage.preview" : "stage.photo")} className="opacity-50 saturate-60" testid="left" />
        </div>
      )}
      <div className={`${picture ? "mx-auto" : "m-auto"} flex max-w-md flex-col items-start gap-3 rounded-lg bg-paper p-5 shadow`} data-testid={job.state}>
        {job.state === "failed" ? <ErrorNote job={job} /> : <p className="font-medium">{t("job.cancelled")}</p>}
        <Notes job={job} />
        <div className="flex gap-2">
          <button type="button" className="button" onClick={() => void retry(job)}>
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
