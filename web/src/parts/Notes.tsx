/** What a job has to say: while it runs, and with its result. */

import { Info } from "lucide-react";
import type { Job } from "../api/types";
import { useI18n } from "../i18n";

export function Notes({ job }: { job: Job }) {
  const { w } = useI18n();
  return (
    <div role="status" data-testid="notes">
      {job.notes.map((note) => (
        <p key={note.en} className="note mt-2 max-w-xl">
          <Info size={16} aria-hidden className="mt-0.5 shrink-0" />
          {w(note)}
        </p>
      ))}
    </div>
  );
}
