/** One picture with everything that is known of it: settings, inputs, figures; and what can be done with it. */

import { ArchiveRestore, ChevronLeft, ChevronRight, RotateCcw, Settings2, Trash2 } from "lucide-react";
import { useEffect, useState } from "react";
import { api, assetUrl, thumbUrl } from "../api/client";
import type { Job } from "../api/types";
import { counts, initialValues, isPicture } from "../form/values";
import { useSpeech } from "../i18n";
import { attempt, methodOf, nameOf, remove, runAgain, takeSettings } from "../parts/act";
import { Dialog } from "../parts/Dialog";
import { Picture } from "../parts/Picture";
import { Result } from "../parts/Result";
import { go } from "../parts/route";
import { Figures } from "../parts/Figures";
import { tellFault } from "../parts/toasts";
import { Zoom } from "../parts/Zoom";
import { easel } from "../store/easel";

interface DetailProps { id: string; listed: Job | undefined; onPrevious: (() => void) | null; onNext: (() => void) | null; onRemoved: () => void; onRestored: () => void }

export function Detail({ id, listed, onPrevious, onNext, onRemoved, onRestored }: DetailProps) {
  const { t, when, seconds } = useSpeech();
  const [fetched, setFetched] = useState<Job | null>(null);
  const job = listed ?? fetched;
  const close = () => go("#/gallery");
  useEffect(() => {
    if (listed) return;
    api.job(id).then(setFetched, (error: unknown) => {
      tellFault(error);
      go("#/gallery");
    });
  }, [id, listed]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const inside = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement || document.querySelector('[data-testid="zoom"]');
      if (inside) return;
      if (event.key === "ArrowLeft") onPrevious?.();
      else if (event.key === "ArrowRight") onNext?.();
      else if (event.key === "Delete" && job && !job.deleted) void remove(job, onRemoved, onRestored);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
  return (
    <Dialog
      title={job ? nameOf(job) : t("gallery")}
      shape="wide"
      onClose={close}
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
          <div className="detail-picture">
            <Result key={job.id} job={job} inDialog />
          </div>
          <aside className="flex flex-col gap-4 p-4 lg:overflow-y-auto lg:border-l lg:border-line">
            <p className="tabular text-sm text-soft">
              {when(job.created_at)}
              {job.seconds !== null && ` · ${seconds(job.seconds)}`}
              {job.outputs[0]?.width && ` · ${job.outputs[0].width}\u00a0×\u00a0${job.outputs[0].height}`}
            </p>
            <div className="flex flex-wrap gap-1.5">
              <button type="button" className="button" onClick={() => void takeSettings(job.params)} data-testid="use-settings">
                <Settings2 size={16} aria-hidden />
                {t("settings.use")}
              </button>
              <button type="button" className="button" onClick={() => void runAgain(job)}>
                <RotateCcw size={16} aria-hidden />
                {t("runagain")}
              </button>
              {job.deleted ? (
                <button
                  type="button"
                  className="button"
                  onClick={() =>
                    void attempt(async () => {
                      await api.restore(job.id);
                      onRemoved();
                    })
                  }
                  data-testid="restore"
                >
                  <ArchiveRestore size={16} aria-hidden />
                  {t("restore")}
                </button>
              ) : (
                <button type="button" className="button" onClick={() => void remove(job, onRemoved, onRestored)} data-testid="delete">
                  <Trash2 size={16} aria-hidden />
                  {t("delete")}
                </button>
              )}
            </div>
            <Inputs job={job} />
            <Settings job={job} />
            <Figures job={job} figures={job.figures} title={t("detail.figures")} />
          </aside>
        </div>
      )}
    </Dialog>
  );
}

/** Pictures shown of those that went in: training takes thousands. */
const INPUTS = 12;

function Inputs({ job }: { job: Job }) {
  const { t } = useSpeech();
  const known = easel.use((state) => state.known);
  const [zoomed, setZoomed] = useState<string | null>(null);
  if (!job.inputs.length) return null;
  return (
    <section>
      {zoomed && <Zoom src={assetUrl(zoomed)} title={known[zoomed]?.name ?? t("image.chosen")} onClose={() => setZoomed(null)} />}
      <h3 className="mb-1.5 font-medium">{t("detail.inputs")}</h3>
      <ul className="flex flex-wrap gap-2">
        {job.inputs.slice(0, INPUTS).map((id) => (
          <li key={id}>
            <button type="button" className="thumb" title={known[id]?.name} aria-label={known[id]?.name ?? t("image.chosen")} onClick={() => setZoomed(id)}>
              <Picture src={thumbUrl(id, 256)} alt="" className="size-16 object-cover" />
            </button>
          </li>
        ))}
      </ul>
      {job.inputs.length > INPUTS && <p className="mt-1.5 text-sm text-soft">{t("image.hidden", { n: job.inputs.length - INPUTS })}</p>}
    </section>
  );
}

function Settings({ job }: { job: Job }) {
  const { t, w, number } = useSpeech();
  const method = methodOf(job.method);
  const show = (name: string, value: unknown): string => {
    const field = method?.fields.find((one) => one.name === name);
    if (typeof value === "boolean") return value ? t("yes") : t("no");
    if (typeof value === "number") return name === "seed" ? String(value) : number(value, 6);
    const choice = field?.choices.find((one) => one.value === value);
    return choice ? w(choice.label) : Array.isArray(value) ? value.join(", ") : String(value);
  };
  // In the form's order; what did not count, or was left to the method itself, says nothing here.
  const values = method ? { ...initialValues(method), ...job.params } : job.params;
  const names = method?.fields.filter((field) => !isPicture(field) && counts(field, values)).map((field) => field.name) ?? Object.keys(job.params);
  const rows = names.map((name) => [name, job.params[name]] as const).filter(([name, value]) => name !== "method" && value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && !value.length));
  return (
    <section>
      <h3 className="mb-1 font-medium">{t("detail.settings")}</h3>
      <dl className="text-sm">
        {rows.map(([name, value]) => {
          const field = method?.fields.find((one) => one.name === name);
          return (
            <div key={name} data-setting={name} className={`gap-3 border-b border-line py-1 ${field?.kind === "long_text" ? "" : "flex justify-between"}`}>
              <dt className="text-soft">{field ? w(field.label) : name}</dt>
              <dd className="tabular min-w-0 break-words whitespace-pre-wrap">{show(name, value)}</dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}
