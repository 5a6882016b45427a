/** One job with everything that is known of it, and what can be done with it. */

import { ArchiveRestore, ChevronLeft, ChevronRight, RotateCcw, Settings2, Trash2 } from "lucide-react";
import { useEffect, type ReactNode } from "react";
import type { Job } from "../api/types";
import { useI18n } from "../i18n";
import { moveToTrash, restore, runAgain, takeSettings } from "../parts/actions";
import { Dialog } from "../parts/Dialog";
import { Figures } from "../parts/Figures";
import { nameOf } from "../parts/jobInfo";
import { isTyping } from "../parts/keyboard";
import { Result } from "../parts/Result";
import { errorText, showToast } from "../parts/toasts";
import { useJob } from "../store/queries";
import { DetailInputs } from "./DetailInputs";
import { DetailSettings } from "./DetailSettings";

interface Props { id: string; listed: Job | undefined; onPrevious: (() => void) | null; onNext: (() => void) | null; onClose: () => void }

export function Detail({ id, listed, onPrevious, onNext, onClose }: Props) {
  const { t } = useI18n();
  const { job, error } = useJob(id, listed);
  useEffect(() => {
    if (!error || job) return;
    showToast(errorText(error), { bad: true });
    onClose();
  }, [error, job, onClose]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event) || document.querySelectorAll("dialog[open]").length > 1) return;
      if (event.key === "ArrowLeft") onPrevious?.();
      else if (event.key === "ArrowRight") onNext?.();
      else if (event.key === "Delete" && job && !job.deleted) void moveToTrash(job, onClose);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
  return (
    <Dialog
      title={job ? nameOf(job) : t("gallery")}
      shape="wide"
      onClose={onClose}
      testid="detail"
      actions={
        <>
          <button type="button" className="icon-button" disabled={!onPrevious} aria-label={t("gallery.previous")} onClick={() => onPrevious?.()}>
            <ChevronLeft size={20} aria-hidden />
          </button>
          <button type="button" className="icon-button" disabled={!onNext} aria-label={t("gallery.next")} onClick={() => onNext?.()}>
            <ChevronRight size={20} aria-hidden />
          </button>
        </>
      }
    >
      {job && (
        <div className="grid min-h-0 flex-1 grid-cols-1 overflow-y-auto lg:grid-cols-[1fr_20rem] lg:overflow-hidden">
          <div className="flex min-w-0 flex-col justify-center bg-mount p-4">
            <Result key={job.id} job={job} inDialog />
          </div>
          <aside className="flex flex-col gap-4 p-4 lg:overflow-y-auto lg:border-l lg:border-line">
            <Facts job={job} />
            <Actions job={job} onClose={onClose} />
            <DetailInputs job={job} />
            <DetailSettings job={job} />
            <Figures job={job} figures={job.figures} title={t("detail.figures")} />
          </aside>
        </div>
      )}
    </Dialog>
  );
}

function Facts({ job }: { job: Job }) {
  const { when, seconds } = useI18n();
  const [first] = job.outputs;
  const size = first?.width ? `${first.width}\u00a0×\u00a0${first.height}` : null;
  return <p className="text-sm text-soft tabular-nums">{[when(job.created_at), job.seconds === null ? null : seconds(job.seconds), size].filter(Boolean).join(" · ")}</p>;
}

function Actions({ job, onClose }: { job: Job; onClose: () => void }) {
  const { t } = useI18n();
  return (
    <div className="flex flex-wrap gap-1.5">
      <Action icon={<Settings2 size={16} aria-hidden />} label={t("settings.use")} onClick={() => void takeSettings(job.params)} testid="use-settings" />
      <Action icon={<RotateCcw size={16} aria-hidden />} label={t("runagain")} onClick={() => void runAgain(job)} testid="run-again" />
      {job.deleted ? (
        <Action icon={<ArchiveRestore size={16} aria-hidden />} label={t("restore")} onClick={() => void restore(job).then(onClose)} testid="restore" />
      ) : (
        <Action icon={<Trash2 size={16} aria-hidden />} label={t("delete")} onClick={() => void moveToTrash(job, onClose)} testid="delete" />
      )}
    </div>
  );
}

function Action({ icon, label, onClick, testid }: { icon: ReactNode; label: string; onClick: () => void; testid: string }) {
  return (
    <button type="button" className="button" onClick={onClick} data-testid={testid}>
      {icon}
      {label}
    </button>
  );
}
