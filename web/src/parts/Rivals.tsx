/** What a result is compared with: the photo it was made from, or what another method or other settings made of that photo. */

import type { Job } from "../api/types";
import { useI18n } from "../i18n";
import { useJobs } from "../store/queries";
import { inputOf, isImage, isVideo, nameOf } from "./jobInfo";

/** Another picture made from the same photo. */
export interface Rival { asset: string; title: string }

interface Props { job: Job; photo: string; chosen: Rival | null; onChoose: (rival: Rival | null) => void }

export function RivalSelect({ job, photo, chosen, onChoose }: Props) {
  const { t, when } = useI18n();
  const others = useJobs({ state: "done", limit: 200 }).filter((other) => other.id !== job.id && inputOf(other) === photo);
  const rivals = others.flatMap((other): Rival[] => {
    const picture = other.outputs.find((one) => isImage(one) && !isVideo(one));
    return picture ? [{ asset: picture.asset, title: `${nameOf(other)} · ${when(other.created_at)}` }] : [];
  });
  if (!rivals.length) return null;
  return (
    <label className="min-w-0">
      <span className="sr-only">{t("compare.with")}</span>
      <select className="input min-h-9 max-w-52 py-1 text-sm" value={chosen?.asset ?? ""} onChange={(event) => onChoose(rivals.find((rival) => rival.asset === event.target.value) ?? null)} data-testid="compare-with">
        <option value="">{t("compare.with.photo")}</option>
        {rivals.map((rival) => (
          <option key={rival.asset} value={rival.asset}>
            {t("compare.with.one", { title: rival.title })}
          </option>
        ))}
      </select>
    </label>
  );
}
