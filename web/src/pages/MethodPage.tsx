/** A method's page: its form on one side, its stage on the other; on a phone the stage comes first. */

import { Play } from "lucide-react";
import { useEffect, useRef } from "react";
import type { Method } from "../api/types";
import { initialValues, isPicture } from "../fields/values";
import { Form } from "../form/Form";
import { useI18n } from "../i18n";
import { useCancel } from "../parts/cancel";
import { Stage } from "../parts/Stage";
import { formOf, formState, setForm, setValue } from "../store/form";
import { isEnded, useModels } from "../store/queries";
import { MethodHeader } from "./MethodHeader";
import { RecentJobs } from "./RecentJobs";
import { useCurrentJob } from "./useCurrentJob";
import { useMethodDrop } from "./useMethodDrop";
import { useMethodKeys } from "./useMethodKeys";
import { useRun } from "./useRun";

export function MethodPage({ method }: { method: Method }) {
  const { t, w } = useI18n();
  const values = formOf(method, formState.use((state) => state));
  const { id, job } = useCurrentJob(method.name);
  const form = useRef<HTMLFormElement>(null);
  const { run, strict, errors, error, starting, uploading, clearError, reset } = useRun(method, form);
  const { cancelJob, dialog } = useCancel();
  // `useRun` looks into the list of models.
  useModels();
  useEffect(() => formState.set({ lastMethod: method.name }), [method.name]);
  useMethodDrop(method);
  const busy = job !== null && !isEnded(job);
  useMethodKeys(run, busy && !job.cancelling ? () => cancelJob(job) : null);

  const subject = method.fields.find((field) => field.name === method.subject && field.kind === "image");
  const photo = subject && typeof values[subject.name] === "string" ? (values[subject.name] as string) : null;
  const resetForm = () => {
    const pictures = new Set(method.fields.filter(isPicture).map((field) => field.name));
    setForm(method, Object.fromEntries(Object.entries(initialValues(method)).filter(([name]) => !pictures.has(name))));
    reset();
  };
  return (
    <div className="flex flex-col lg:grid lg:min-h-[calc(100dvh-3.75rem)] lg:grid-cols-[24rem_1fr] lg:grid-rows-[auto_1fr] lg:[grid-template-areas:'head_stage''form_stage']">
      <MethodHeader method={method} />
      <section id="stage" className="min-w-0 px-4 pt-3 lg:sticky lg:top-15 lg:self-start lg:px-8 lg:py-6 lg:[grid-area:stage]" aria-label={t("stage")}>
        <Stage method={method} job={job} photo={photo} onCancel={cancelJob} />
        <RecentJobs method={method} chosen={id} />
      </section>
      <form
        ref={form}
        className="flex min-w-0 flex-col gap-5 px-4 pt-5 pb-22 lg:border-r lg:border-line lg:pr-6 lg:pb-0 lg:pl-8 lg:[grid-area:form]"
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
            clearError(field.name);
          }}
          onReset={resetForm}
          errors={errors}
          strict={strict}
          lastSeed={typeof job?.params.seed === "number" ? job.params.seed : null}
        />
        {error && (
          <p className="error-note" role="alert" data-testid="run-fault">
            {error}
          </p>
        )}
        <RunBar>
          <button type="submit" className="button-main flex-1" disabled={starting || uploading} data-testid="run" title={t("run.keys")}>
            <Play size={18} aria-hidden fill="currentColor" />
            {t(uploading ? "run.reading" : method.family === "train" ? "run.train" : busy ? "run.more" : "run")}
          </button>
        </RunBar>
      </form>
      {dialog}
    </div>
  );
}

/** On a phone always above the navigation bar, in reach of the thumb; on a wide page at the end of the form. */
function RunBar({ children }: { children: React.ReactNode }) {
  const phone = "fixed inset-x-0 bottom-[calc(3.5rem+env(safe-area-inset-bottom))] z-10 flex border-t border-line bg-wall px-4 py-[0.6rem] sm:bottom-0";
  const wide = "lg:sticky lg:mt-auto lg:-mr-6 lg:-ml-8 lg:py-[0.9rem] lg:pr-6 lg:pl-8";
  return (
    <div className={`${phone} ${wide}`} data-testid="run-bar">
      {children}
    </div>
  );
}
