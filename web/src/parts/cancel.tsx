/** Cancelling jobs. Trainings are asked about first, as they may have run for hours. */

import { useState, type ReactNode } from "react";
import type { Job } from "../api/types";
import { useI18n } from "../i18n";
import { cancel, cancelAll } from "./actions";
import { Dialog } from "./Dialog";
import { isTraining, titleOf } from "./jobInfo";

interface Question { text: string; confirm: () => void }

/** `cancelJob` and `cancelJobs` ask in `dialog`, which the caller renders, or cancel at once. */
export function useCancel(): { cancelJob: (job: Job) => void; cancelJobs: (jobs: Job[]) => void; dialog: ReactNode } {
  const { t } = useI18n();
  const [question, setQuestion] = useState<Question | null>(null);
  const asksFirst = (job: Job) => job.state === "running" && isTraining(job);
  return {
    cancelJob: (job) => {
      const confirm = () => void cancel(job.id);
      if (asksFirst(job)) setQuestion({ text: t("cancel.training", { title: titleOf(job) }), confirm });
      else confirm();
    },
    cancelJobs: (jobs) => {
      const confirm = () => void cancelAll();
      if (jobs.some(asksFirst)) setQuestion({ text: t("cancel.all.training"), confirm });
      else confirm();
    },
    dialog: question && <Confirm question={question} onClose={() => setQuestion(null)} />,
  };
}

function Confirm({ question, onClose }: { question: Question; onClose: () => void }) {
  const { t } = useI18n();
  return (
    <Dialog title={t("cancel.title")} shape="small" onClose={onClose} testid="cancel-dialog">
      <div className="flex flex-col gap-4 p-4">
        <p>{question.text}</p>
        <div className="flex flex-wrap justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            {t("cancel.keep")}
          </button>
          <button
            type="button"
            className="button-bad"
            onClick={() => {
              question.confirm();
              onClose();
            }}
            data-testid="cancel-confirm"
          >
            {t("cancel.stop")}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
