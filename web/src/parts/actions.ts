/** What a user does with a picture or a job, wherever it is shown. */

import { ApiError, randomKey, request, saveAsset, thumbUrl } from "../api/client";
import { api } from "../api/requests";
import type { Job, Output, Words } from "../api/types";
import { ANY_SEED, isEqual, isPicture, pictureIds, restoreValues, SEED, type Values } from "../fields/values";
import { currentI18n } from "../i18n";
import { methodPath, navigate } from "../lib/route";
import { formOf, formState, setCurrent, setForm, setPhoto } from "../store/form";
import { forgetJob, putJobs, reloadPages, reloadQueue } from "../store/jobs";
import { isModelHere, methodOf } from "../store/queries";
import { rememberPicture } from "../store/uploads";
import { showToast, withErrorToast } from "./toasts";

export const download = (output: Output): Promise<void> => withErrorToast(() => saveAsset(output.asset, output.name));

/** Makes a result the photo that the next method starts from. */
export function takeAsInput(output: Output): void {
  const { t } = currentI18n();
  setPhoto(output.asset);
  rememberPicture(output.asset, { name: output.name, width: output.width ?? 0, height: output.height ?? 0, warnings: [], made_with: {} });
  showToast(t("easel.taken"));
  const { lastMethod } = formState.get();
  const last = lastMethod ? methodOf(lastMethod) : undefined;
  const fits = last?.fields.some((field) => field.name === last.subject && field.kind === "image");
  if (!location.hash.startsWith("#/m/") || !fits) navigate(last && fits ? methodPath(last.name) : "#/");
}

/** Which of these pictures the server no longer has. Thumbnails are asked for, as they are shown next; no answer counts as present. */
async function findMissing(ids: string[]): Promise<Set<string>> {
  const missing = await Promise.all(
    ids.map((id) =>
      request(thumbUrl(id, 256)).then(
        () => false,
        (error: unknown) => error instanceof ApiError && (error.status === 404 || error.status === 422),
      ),
    ),
  );
  return new Set(ids.filter((_, n) => missing[n]));
}

/** Fills the form with the settings of a job or a picture and opens its page. Pictures that are gone are left out; a field that the user changes meanwhile
 *  stays as it is. `lost` lists what could not be taken from another tool's picture; a model that is not on this machine is one more. */
export async function takeSettings(params: Values, lost: Words[] = []): Promise<void> {
  const { t, w, lang } = currentI18n();
  const named = typeof params.method === "string" ? methodOf(params.method) : undefined;
  const method = named ?? methodOf(formState.get().lastMethod ?? "");
  if (!method) return showToast(t("settings.unknown"), { bad: true });
  const known = Object.fromEntries(Object.entries(params).filter(([name]) => method.fields.some((field) => field.name === name)));
  if (!Object.keys(known).length) return showToast(t("settings.unknown"), { bad: true });
  const absent = method.fields.filter((field) => field.kind === "weights" && typeof known[field.name] === "string" && !isModelHere(String(known[field.name])));
  const untaken = [...lost.map(w), ...absent.map((field) => t("settings.nomodel", { name: String(known[field.name]) }))];
  const taken = Object.fromEntries(Object.entries(known).filter(([name]) => !absent.some((field) => field.name === name)));
  const pictures = method.fields.filter(isPicture);
  const before = formOf(method, formState.get());
  const missing = await findMissing([...new Set(pictures.flatMap((field) => pictureIds(taken[field.name])))]);
  const now = formOf(method, formState.get());
  for (const { name } of pictures) {
    const wanted = pictureIds(taken[name]);
    const present = wanted.filter((id) => !missing.has(id));
    if (!isEqual(before[name], now[name]) || (wanted.length > 0 && !present.length)) taken[name] = now[name];
    else if (Array.isArray(taken[name])) taken[name] = present;
  }
  const values = restoreValues(method, { ...(named ? {} : formState.get().forms[method.name]), ...taken });
  setForm(method, named ? values : Object.fromEntries(Object.entries(values).filter(([name]) => name in taken)));
  navigate(methodPath(method.name));
  const partly = () => t("settings.partly", { list: untaken.join(lang === "zh" ? "；" : "; ") });
  const message = missing.size ? t("settings.gone", { n: missing.size }) : untaken.length ? partly() : t("settings.taken");
  showToast(message, { bad: missing.size > 0 || untaken.length > 0 });
}

/** Shows a new job on its method's page and in the queue. */
function show(job: Job): void {
  putJobs([job]);
  setCurrent(job.method, job.id);
  void reloadQueue();
}

/** The same settings once more, as a new job. */
export const runAgain = (job: Job): Promise<void> =>
  withErrorToast(async () => {
    show(await api.retry(job.id));
    showToast(currentI18n().t("job.again"));
  });

export const retry = (job: Job): Promise<void> => withErrorToast(async () => show(await api.retry(job.id)));

/** Whether another seed gives another picture: the method draws with one. */
export const hasSeed = (job: Job): boolean => typeof job.params[SEED] === "number" && methodOf(job.method)?.fields.some((field) => field.name === SEED) === true;

/** The same settings with a new random seed, as a new job. */
export const runWithNewSeed = (job: Job): Promise<void> =>
  withErrorToast(async () => {
    show(await api.start({ ...job.params, method: job.method, [SEED]: ANY_SEED }, randomKey()));
    showToast(currentI18n().t("job.newseed"));
  });

export const cancel = (id: string): Promise<void> => withErrorToast(async () => putJobs([await api.cancel(id)]));

/** Cancels all jobs, last first so that none starts meanwhile. The server lists the first 200 of a long queue, so it is asked until it lists no more. */
export const cancelAll = (): Promise<void> =>
  withErrorToast(async () => {
    for (;;) {
      const open = (await api.queue()).jobs.filter((job) => !job.cancelling);
      if (!open.length) break;
      putJobs(await Promise.all(open.reverse().map((job) => api.cancel(job.id))));
    }
    await reloadQueue();
  });

/** Moves a job to the trash, with a way back. */
export const moveToTrash = (job: Job, after: () => void): Promise<void> =>
  withErrorToast(async () => {
    await api.remove(job.id);
    forgetJob(job.id);
    after();
    const { t } = currentI18n();
    showToast(t("job.removed"), { action: { label: t("undo"), run: () => void restore(job) } });
  });

export const restore = (job: Job): Promise<void> =>
  withErrorToast(async () => {
    putJobs([await api.restore(job.id)]);
    await reloadPages();
  });
