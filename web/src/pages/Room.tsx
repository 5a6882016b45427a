/** A method's room: its settings on one side, its stage on the other. */

import { ArrowLeft, ExternalLink, Play } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { api, ApiError, randomKey, thumbUrl } from "../api/client";
import type { Job, Method, Words } from "../api/types";
import { Form } from "../form/Form";
import { addPictures } from "../form/ImageField";
import { byField, checkAll, counts, initialValues, isPicture, picturesOf, toParams, type Values } from "../form/values";
import { useSpeech } from "../i18n";
import { cancel, isImage } from "../parts/act";
import { useTaker } from "../parts/drop";
import { Picture } from "../parts/Picture";
import { Stage } from "../parts/Stage";
import { faultText, tell, untell } from "../parts/toasts";
import { awaits, easel, formOf, setCurrent, setForm, setValue } from "../store/easel";
import { ended, loadQueue, studio, takeJobs } from "../store/studio";

export function Room({ method }: { method: Method }) {
  const { t, w } = useSpeech();
  const state = easel.use((all) => all);
  const values = formOf(method, state);
  const jobId = state.current[method.name] ?? null;
  const job = studio.use((all) => (jobId ? (all.jobs[jobId] ?? null) : null));
  const [strict, setStrict] = useState(false);
  const [said, setSaid] = useState<Record<string, string>>({});
  const [fault, setFault] = useState<string | null>(null);
  const [starting, setStarting] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  useEffect(() => easel.set({ lastMethod: method.name }), [method.name]);
  useCurrentJob(method.name, jobId, job);

  const run = useCallback(async () => {
    // The form still shows the picture before; the button says that the new one is being read.
    if (awaits(method, easel.get())) return;
    const now = formOf(method, easel.get());
    const wrong = Object.keys(checkAll(method, now));
    setStrict(true);
    setFault(null);
    if (wrong.length) {
      showField(form.current, method.fields.find((field) => wrong.includes(field.name))?.name);
      tell(t("run.incomplete"), { bad: true, about: "form" });
      return;
    }
    const lacking = missingModels(method, now);
    const [first] = Object.keys(lacking);
    if (first) {
      setSaid(Object.fromEntries(Object.entries(lacking).map(([name, model]) => [name, t("needs.first", { model: w(model) })])));
      return showField(form.current, first);
    }
    setStarting(true);
    setSaid({});
    untell("form");
    try {
      const made = await start(toParams(method, now));
      takeJobs([made]);
      setCurrent(method.name, made.id);
      void loadQueue().catch(() => undefined);
      // On a narrow page the stage is above the form, out of sight.
      if (matchMedia("(width < 64rem)").matches) scrollTo({ top: 0, behavior: glide() });
    } catch (error) {
      const words = error instanceof ApiError && error.status === 422 ? byField(error.message, method.fields.map((field) => field.name)) : null;
      setSaid(words?.fields ?? {});
      setFault(words ? words.rest || null : faultText(error));
      if (words) showField(form.current, Object.keys(words.fields)[0]);
    } finally {
      setStarting(false);
    }
  }, [method, t, w]);

  const busy = job !== null && !ended(job);
  const reading = awaits(method, state);
  useKeys({ run, stop: busy ? () => void cancel(job.id) : null });

  useTaker((files) => {
    const pictures = method.fields.filter(isPicture);
    const focused = document.activeElement?.closest<HTMLElement>("[data-field]")?.dataset.field;
    const empty = (name: string) => {
      // One on its way counts: two pasted in a row go to two fields.
      if (easel.get().sending[name]?.some((item) => !item.error)) return false;
      const value = formOf(method, easel.get())[name];
      return value === null || (Array.isArray(value) && value.length === 0);
    };
    // Masks are painted here, or given to their own field.
    const order = pictures.filter((one) => one.kind !== "masks").sort((a, b) => Number(b.name === method.subject) - Number(a.name === method.subject));
    const field = pictures.find((one) => one.name === focused) ?? order.find((one) => empty(one.name)) ?? order[0];
    if (!field) return tell(t("image.nofield"), { bad: true });
    const limit = field.kind === "image" ? 1 : (field.max_items ?? 16);
    const now = () => picturesOf(formOf(method, easel.get())[field.name]);
    void addPictures(files, field, limit, now, (ids) => setValue(method, field, field.kind === "image" ? (ids[0] ?? null) : ids));
  });

  const subject = values[method.subject];
  const photo = typeof subject === "string" && method.fields.some((field) => field.name === method.subject && field.kind === "image") ? subject : null;
  return (
    <div className="room">
      <header className="room-head">
        <a href="#/" className="link mb-2 inline-flex items-center gap-1 text-sm">
          <ArrowLeft size={14} aria-hidden />
          {t("room.back")}
        </a>
        <h1 className="title text-2xl">{w(method.title)}</h1>
        <p className="mt-1 text-sm text-soft">{w(method.summary)}</p>
        {method.paper && (
          <details className="mt-1 text-xs text-soft">
            <summary className="cursor-pointer">{t("room.paper")}</summary>
            <p className="mt-1">
              {method.paper.citation}{" "}
              <a href={method.paper.url} className="link inline-flex items-center gap-0.5" target="_blank" rel="noreferrer noopener">
                {t("room.paper.open")}
                <ExternalLink size={11} aria-hidden />
              </a>
            </p>
          </details>
        )}
      </header>
      <section id="stage" className="room-stage" aria-label={t("stage")}>
        <Stage method={method} job={job} photo={photo} />
        <Recent method={method} chosen={jobId} />
      </section>
      <form
        ref={form}
        className="room-form"
        aria-label={w(method.title)}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <Form
          key={method.name}
          method={method}
          values={values}
          onChange={(field, value) => {
            setValue(method, field, value);
            setSaid((all) => Object.fromEntries(Object.entries(all).filter(([name]) => name !== field.name)));
          }}
          onReset={() => {
            const pictures = method.fields.filter(isPicture).map((field) => field.name);
            setForm(method, Object.fromEntries(Object.entries(initialValues(method)).filter(([name]) => !pictures.includes(name))));
            setSaid({});
            setStrict(false);
          }}
          said={said}
          strict={strict}
          lastSeed={typeof job?.params.seed === "number" ? job.params.seed : null}
        />
        {fault && (
          <p className="fault" role="alert" data-testid="run-fault">
            {fault}
          </p>
        )}
        <div className="run-bar">
          <button type="submit" className="button-main flex-1" disabled={starting || reading} data-testid="run" title={t("run.keys")}>
            <Play size={18} aria-hidden fill="currentColor" />
            {t(reading ? "run.reading" : method.family === "train" ? "run.train" : busy ? "run.more" : "run")}
          </button>
        </div>
      </form>
    </div>
  );
}

/** Models that the values ask for and this machine lacks: what each is called, by field. */
function missingModels(method: Method, values: Values): Record<string, Words> {
  const models = studio.get().models ?? [];
  const wanted = method.fields.filter((field) => counts(field, values)).map((field) => {
    const value = values[field.name];
    const name = field.kind === "weights" ? value : field.choices.find((choice) => choice.value === value)?.needs;
    return [field.name, models.find((model) => model.name === name && !model.installed)?.title] as const;
  });
  return Object.fromEntries(wanted.filter((pair): pair is readonly [string, Words] => pair[1] !== undefined));
}

/** Posts the job; an answer that got lost is asked for once more under the same key, so that nothing runs twice. */
async function start(params: Record<string, unknown>): Promise<Job> {
  const key = randomKey();
  try {
    return await api.start(params, key);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, 800));
    return api.start(params, key);
  }
}

/** Scrolling, for those who do not mind things moving. */
const glide = (): ScrollBehavior => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");

function showField(form: HTMLElement | null, name: string | undefined): void {
  // After React has unfolded what was folded.
  requestAnimationFrame(() => {
    const row = name ? form?.querySelector<HTMLElement>(`[data-field="${name}"]`) : null;
    row?.scrollIntoView({ block: "center", behavior: glide() });
    row?.querySelector<HTMLElement>("button, input:not([type=file]), select, textarea")?.focus({ preventScroll: true });
  });
}

/** Brings the stage's job back after a reload; forgets it where the server no longer has it. */
function useCurrentJob(method: string, id: string | null, job: Job | null): void {
  const link = studio.use((state) => state.link);
  useEffect(() => {
    if (!id || job || link !== "open") return;
    api.job(id).then(
      (found) => (found.deleted ? setCurrent(method, null) : takeJobs([found])),
      (error: unknown) => error instanceof ApiError && error.status === 404 && setCurrent(method, null),
    );
  }, [method, id, job, link]);
}

function useKeys({ run, stop }: { run: () => Promise<void>; stop: (() => void) | null }): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (document.querySelector("dialog[open]") || event.isComposing) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        void run();
      } else if (stop && (event.key === "Escape" || (event.key === "Enter" && event.altKey))) {
        event.preventDefault();
        stop();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [run, stop]);
}

/** What this room made last, to bring back on stage. */
function Recent({ method, chosen }: { method: Method; chosen: string | null }) {
  const { t, when } = useSpeech();
  const finished = studio.use((state) => state.finished);
  const link = studio.use((state) => state.link);
  const [jobs, setJobs] = useState<Job[]>([]);
  useEffect(() => {
    if (link !== "open") return;
    let gone = false;
    api.jobs({ state: "done", method: method.name, limit: 12 }).then(
      (page) => gone || setJobs(page.jobs),
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [method.name, finished, link]);
  const shown = jobs.filter((job) => job.outputs.some(isImage));
  if (!shown.length) return null;
  return (
    <ul className="mt-4 flex gap-2 overflow-x-auto p-1" aria-label={t("room.recent")}>
      {shown.map((job) => (
        <li key={job.id} className="shrink-0">
          <button
            type="button"
            className="thumb"
            aria-pressed={job.id === chosen}
            aria-label={t("room.recent.show", { when: when(job.created_at) })}
            onClick={() => {
              takeJobs([job]);
              setCurrent(method.name, job.id);
            }}
          >
            <Picture src={thumbUrl((job.outputs.find(isImage) ?? job.outputs[0])?.asset ?? "", 256)} alt="" className="size-16 object-cover" loading="lazy" />
          </button>
        </li>
      ))}
    </ul>
  );
}
