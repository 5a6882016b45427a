/** What a visitor does with a picture or a job, wherever it is shown. */

import { api, ApiError, request, save, thumbUrl } from "../api/client";
import type { Job, Method, Output, Words } from "../api/types";
import { fromParams, isPicture, picturesOf, same, type Values } from "../form/values";
import { currentSpeech } from "../i18n";
import { easel, formOf, setCurrent, setForm, setPhoto } from "../store/easel";
import { dropJob, loadQueue, studio, takeJobs } from "../store/studio";
import { go, roomPath } from "./route";
import { tell, tellFault } from "./toasts";

export const methodOf = (name: string): Method | undefined => studio.get().methods?.find((method) => method.name === name);

/** What a job's method is called in the visitor's language. */
export const titleOf = (job: Job): string => {
  const method = methodOf(job.method);
  return method ? currentSpeech().w(method.title) : job.method;
};

/** A choice's label without the note in brackets behind it. */
const plain = (label: string): string => label.replace(/\s*[(\uff08][^()\uff08\uff09]*[)\uff09]\s*$/, "") || label;

/** Choices that turn something off. */
const OFF = new Set<unknown>(["no", "none"]);

/** A job told from its siblings: its method, and what was chosen first in it. */
export const nameOf = (job: Job): string => {
  const choice = methodOf(job.method)?.fields.find((field) => field.kind === "choice" && field.group === "basic" && !OFF.has(job.params[field.name]));
  const chosen = choice?.choices.find((one) => one.value === job.params[choice.name]);
  return chosen ? `${titleOf(job)} · ${plain(currentSpeech().w(chosen.label))}` : titleOf(job);
};

export const isImage = (output: Output): boolean => output.media_type.startsWith("image/");
export const isFilm = (output: Output): boolean => output.media_type.startsWith("video/") || output.media_type === "image/gif";

/** The picture a job started from, to compare with: its subject, else its first input. */
export function beforeOf(job: Job): string | null {
  const subject = job.params[methodOf(job.method)?.subject ?? ""];
  return typeof subject === "string" && job.inputs.includes(subject) ? subject : null;
}

export async function attempt(what: () => Promise<unknown>): Promise<void> {
  try {
    await what();
  } catch (error) {
    tellFault(error);
  }
}

export const download = (output: Output): Promise<void> => attempt(() => save(output.asset, output.name));

/** Puts a result on the easel: the next method starts from it. */
export function takeAsInput(output: Output): void {
  const { t } = currentSpeech();
  setPhoto(output.asset);
  easel.set((state) => ({ known: { ...state.known, [output.asset]: { name: output.name, width: output.width ?? 0, height: output.height ?? 0, warnings: [], made_with: {} } } }));
  tell(t("easel.taken"));
  const { lastMethod } = easel.get();
  const last = lastMethod ? methodOf(lastMethod) : undefined;
  const fits = last?.fields.some((field) => field.name === last.subject && field.kind === "image");
  if (!location.hash.startsWith("#/m/") || !fits) go(last && fits ? roomPath(last.name) : "#/");
}

const modelKnown = (name: string): boolean => studio.get().models?.some((model) => model.name === name) ?? true;

/** Which of these pictures the server no longer has. Asked for as they will be shown, so that the answer is of use; no answer is no loss. */
async function lost(wanted: string[]): Promise<Set<string>> {
  const gone = await Promise.all(
    wanted.map((id) =>
      request(thumbUrl(id, 256)).then(
        () => false,
        (error: unknown) => error instanceof ApiError && (error.status === 404 || error.status === 422),
      ),
    ),
  );
  return new Set(wanted.filter((_, n) => gone[n]));
}

/** Fills the form with a job's settings, or a picture's, and opens its room. Pictures that are gone, and those that come while we ask for them, leave the
 *  form's own; `untaken` is what could not be taken from another tool's picture, and a model that is not here is one more. */
export async function takeSettings(params: Values, untaken: Words[] = []): Promise<void> {
  const { t, w, lang } = currentSpeech();
  const named = typeof params.method === "string" ? methodOf(params.method) : undefined;
  const method = named ?? methodOf(easel.get().lastMethod ?? "");
  if (!method) return tell(t("settings.unknown"), { bad: true });
  const known = Object.fromEntries(Object.entries(params).filter(([name]) => method.fields.some((field) => field.name === name)));
  if (!Object.keys(known).length) return tell(t("settings.unknown"), { bad: true });
  const missing = method.fields.filter((field) => field.kind === "weights" && typeof known[field.name] === "string" && !modelKnown(String(known[field.name])));
  const said = [...untaken.map(w), ...missing.map((field) => t("settings.nomodel", { name: String(known[field.name]) }))];
  for (const { name } of missing) delete known[name];
  const pictures = method.fields.filter(isPicture);
  const before = formOf(method, easel.get());
  const gone = await lost([...new Set(pictures.flatMap((field) => picturesOf(known[field.name])))]);
  const now = formOf(method, easel.get());
  for (const { name } of pictures) {
    const asked = picturesOf(known[name]);
    const here = asked.filter((id) => !gone.has(id));
    if (!same(before[name], now[name]) || (asked.length > 0 && !here.length)) known[name] = now[name];
    else if (Array.isArray(known[name])) known[name] = here;
  }
  const values = fromParams(method, { ...(named ? {} : easel.get().forms[method.name]), ...known });
  setForm(method, named ? values : Object.fromEntries(Object.entries(values).filter(([name]) => name in known)));
  go(roomPath(method.name));
  const words = gone.size ? t("settings.gone", { n: gone.size }) : said.length ? t("settings.partly", { list: said.join(lang === "zh" ? "；" : "; ") }) : t("settings.taken");
  tell(words, { bad: gone.size > 0 || said.length > 0 });
}

/** The same settings once more, as a new job. */
export const runAgain = (job: Job): Promise<void> =>
  attempt(async () => {
    const again = await api.retry(job.id);
    takeJobs([again]);
    setCurrent(again.method, again.id);
    await loadQueue();
    tell(currentSpeech().t("job.again"));
  });

export const cancel = (id: string): Promise<void> => attempt(async () => takeJobs([await api.cancel(id)]));

/** All that run and wait, last first so that nothing starts meanwhile; the server lists the first of a long queue, so it is asked until it has no more. */
export const cancelAll = (): Promise<void> =>
  attempt(async () => {
    for (;;) {
      const open = (await api.queue()).jobs.filter((job) => !job.cancelling);
      if (!open.length) break;
      takeJobs(await Promise.all(open.reverse().map((job) => api.cancel(job.id))));
    }
  });

/** To the trash, with a way back. */
export const remove = (job: Job, after: () => void, back: () => void): Promise<void> =>
  attempt(async () => {
    await api.remove(job.id);
    dropJob(job.id);
    after();
    const { t } = currentSpeech();
    tell(t("job.removed"), {
      action: {
        label: t("undo"),
        run: () =>
          void attempt(async () => {
            takeJobs([await api.restore(job.id)]);
            back();
          }),
      },
    });
  });
