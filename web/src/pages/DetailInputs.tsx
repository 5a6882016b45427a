/** The pictures a job was made from. */

import { useState } from "react";
import { assetUrl, thumbUrl } from "../api/client";
import type { Job } from "../api/types";
import { useI18n } from "../i18n";
import { Picture } from "../parts/Picture";
import { Zoom } from "../parts/Zoom";
import { uploads } from "../store/uploads";

/** Inputs that are shown; trainings have thousands. */
const MAX_SHOWN = 12;

export function DetailInputs({ job }: { job: Job }) {
  const { t } = useI18n();
  const pictures = uploads.use((state) => state.pictures);
  const [zoomed, setZoomed] = useState<string | null>(null);
  if (!job.inputs.length) return null;
  return (
    <section>
      {zoomed && <Zoom src={assetUrl(zoomed)} title={pictures[zoomed]?.name ?? t("image.chosen")} onClose={() => setZoomed(null)} />}
      <h3 className="mb-1.5 font-medium">{t("detail.inputs")}</h3>
      <ul className="flex flex-wrap gap-2">
        {job.inputs.slice(0, MAX_SHOWN).map((id) => (
          <li key={id}>
            <button type="button" className="thumb" title={pictures[id]?.name} aria-label={pictures[id]?.name ?? t("image.chosen")} onClick={() => setZoomed(id)}>
              <Picture src={thumbUrl(id, 256)} alt="" className="size-16 object-cover" />
            </button>
          </li>
        ))}
      </ul>
      {job.inputs.length > MAX_SHOWN && <p className="mt-1.5 text-sm text-soft">{t("image.hidden", { n: job.inputs.length - MAX_SHOWN })}</p>}
    </section>
  );
}
