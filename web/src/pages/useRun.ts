/** Starts a job from a method's form: checks first, then the request, then the errors at their fields. */

import { useCallback, useState, type RefObject } from "react";
import { ApiError, randomKey } from "../api/client";
import { api } from "../api/requests";
import type { Job, Method, Words } from "../api/types";
import { checkForm, errorsByField, toParams } from "../fields/check";
import { isActive, type Values } from "../fields/values";
import { useI18n } from "../i18n";
import { errorText, hideToast, showToast } from "../parts/toasts";
import { formOf, formState, isUploading, setCurrent } from "../store/form";
import { putJobs, reloadQueue } from "../store/jobs";
import { cachedModels } from "../store/queries";
import { uploads } from "../store/uploads";

const NO_ERRORS: Record<string, string> = {};

export function useRun(method: Method, form: RefObject<HTMLFormElement | null>) {
  const { t, w } = useI18n();
  const [strict, setStrict] = useState(false);
  const [errors, setErrors] = useState(NO_ERRORS);
  const [error, setError] = useState<string | null>(null);
  const [starting, setStarting] = useState(false);
  const uploading = uploads.use(() => isUploading(method));

  const run = useCallback(async () => {
    // Until an upload ends the form holds the previous picture; the button says so.
    if (isUploading(method)) return;
    const values = formOf(method, formState.get());
    const invalid = new Set(Object.keys(checkForm(method, values)));
    setStrict(true);
    setError(null);
    if (invalid.size) {
      showField(form.current, method.fields.find((field) => invalid.has(field.name))?.name);
      return showToast(t("run.incomplete"), { bad: true, topic: "form" });
    }
    const missing = missingModels(method, values);
    const [first] = Object.keys(missing);
    if (first) {
      setErrors(Object.fromEntries(Object.entries(missing).map(([name, model]) => [name, t("needs.first", { model: w(model) })])));
      return showField(form.current, first);
    }
    setStarting(true);
    setErrors(NO_ERRORS);
    hideToast("form");
    try {
      const job = await start(toParams(method, values));
      putJobs([job]);
      setCurrent(method.name, job.id);
      void reloadQueue();
      // On a narrow page the stage is above the form, out of sight.
      if (matchMedia("(width < 64rem)").matches) scrollTo({ top: 0, behavior: scrolling() });
    } catch (failure) {
      const found = failure instanceof ApiError && failure.status === 422 ? errorsByField(failure.message, method.fields.map((field) => field.name)) : null;
      setErrors(found?.fields ?? NO_ERRORS);
      setError(found ? found.rest || null : errorText(failure));
      if (found) showField(form.current, Object.keys(found.fields)[0]);
    } finally {
      setStarting(false);
    }
  }, [method, form, t, w]);

  return {
    run, strict, errors, error, starting, uploading,
    clearError: (name: string) => setErrors((all) => Object.fromEntries(Object.entries(all).filter(([field]) => field !== name))),
    reset: () => {
      setErrors(NO_ERRORS);
      setStrict(false);
    },
  };
}

/** Titles of models that the values need and this machine lacks, by field. */
function missingModels(method: Method, values: Values): Record<string, Words> {
  const models = cachedModels();
  const wanted = method.fields
    .filter((field) => isActive(field, values))
    .map((field) => {
      const value = values[field.name];
      const name = field.kind === "weights" ? value : field.choices.find((choice) => choice.value === value)?.needs;
      return [field.name, models.find((model) => model.name === name && !model.installed)?.title] as const;
    });
  return Object.fromEntries(wanted.filter((pair): pair is readonly [string, Words] => pair[1] !== undefined));
}

/** Posts the job. If the answer is lost, it is requested once more under the same key, so that the job does not run twice. */
async function start(params: Values): Promise<Job> {
  const key = randomKey();
  try {
    return await api.start(params, key);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, 800));
    return api.start(params, key);
  }
}

const scrolling = (): ScrollBehavior => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");

function showField(form: HTMLElement | null, name: string | undefined): void {
  // After React has unfolded the advanced fields.
  requestAnimationFrame(() => {
    const row = name ? form?.querySelector<HTMLElement>(`[data-field="${name}"]`) : null;
    row?.scrollIntoView({ block: "center", behavior: scrolling() });
    row?.querySelector<HTMLElement>("button, input:not([type=file]), select, textarea")?.focus({ preventScroll: true });
  });
}
