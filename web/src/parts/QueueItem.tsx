/** One job in the queue's drawer: what it is, how far it is, what can be done with it. */

import type { ReactNode } from "react";
import { thumbUrl } from "../api/client";
import type { Job } from "../api/types";
import { methodPath } from "../lib/route";
import { setCurrent } from "../store/form";
import { putJobs } from "../store/jobs";
import { methodOf, usePreview } from "../store/queries";
import { ErrorNote } from "./ErrorNote";
import { inputOf, nameOf } from "./jobInfo";
import { JobProgress } from "./JobProgress";
import { Picture } from "./Picture";

/** The prompt or the model's name; null where the subject is a picture. */
function textOf(job: Job): string | null {
  const method = methodOf(job.method);
  const subject = method && job.params[method.subject];
  return typeof subject === "string" && !/^[0-9a-f]{64}$/.test(subject) ? subject : null;
}

export function QueueItem({ job, children, onClose }: { job: Job; children: ReactNode; onClose: () => void }) {
  const preview = usePreview(job.id);
  const method = methodOf(job.method);
  const input = inputOf(job);
  const title = nameOf(job);
  const text = textOf(job);
  const open = () => {
    putJobs([job]);
    setCurrent(job.method, job.id);
    onClose();
  };
  return (
    <li className="rounded-lg border border-line bg-wall p-3" data-testid="queue-item">
      <div className="flex items-center gap-3">
        {preview ? <img src={preview} alt="" className="size-12 shrink-0 rounded-sm object-cover" /> : input ? <Picture src={thumbUrl(input, 256)} alt="" className="size-12 shrink-0 rounded-sm object-cover" /> : null}
        <div className="min-w-0 flex-1">
          {method && method.family !== "tool" ? (
            <a href={methodPath(job.method)} className="link block truncate font-medium" onClick={open}>
              {title}
            </a>
          ) : (
            <p className="truncate font-medium">{title}</p>
          )}
          {text !== null && <p className="truncate text-xs text-soft">{text}</p>}
        </div>
        <div className="flex">{children}</div>
      </div>
      <div className="mt-2">{job.state === "failed" ? <ErrorNote job={job} /> : <JobProgress job={job} />}</div>
    </li>
  );
}
