/** What this method made last, to show again. */

import { thumbUrl } from "../api/client";
import type { Method } from "../api/types";
import { useI18n } from "../i18n";
import { isImage } from "../parts/jobInfo";
import { Picture } from "../parts/Picture";
import { setCurrent } from "../store/form";
import { putJobs } from "../store/jobs";
import { useJobs } from "../store/queries";

export function RecentJobs({ method, chosen }: { method: Method; chosen: string | null }) {
  const { t, when } = useI18n();
  const jobs = useJobs({ state: "done", method: method.name, limit: 12 });
  const shown = jobs.flatMap((job) => {
    const picture = job.outputs.find(isImage);
    return picture ? [{ job, picture }] : [];
  });
  if (!shown.length) return null;
  return (
    <ul className="mt-4 flex gap-2 overflow-x-auto p-1" aria-label={t("method.recent")}>
      {shown.map(({ job, picture }) => (
        <li key={job.id} className="shrink-0">
          <button
            type="button"
            className="thumb"
            aria-pressed={job.id === chosen}
            aria-label={t("method.recent.show", { when: when(job.created_at) })}
            onClick={() => {
              putJobs([job]);
              setCurrent(method.name, job.id);
            }}
          >
            <Picture src={thumbUrl(picture.asset, 256)} alt="" className="size-16 object-cover" loading="lazy" />
          </button>
        </li>
      ))}
    </ul>
  );
}
