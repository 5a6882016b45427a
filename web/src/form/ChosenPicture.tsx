/** The picture of a field that takes one: its name, size and warnings. */

import { thumbUrl } from "../api/client";
import { useI18n } from "../i18n";
import { MadeWith } from "../parts/MadeWith";
import { Picture } from "../parts/Picture";
import { uploads } from "../store/uploads";

interface Props { id: string; large: boolean; over: boolean; onReplace: () => void; onRemove: () => void }

export function ChosenPicture({ id, large, over, onReplace, onRemove }: Props) {
  const { t, w, seconds } = useI18n();
  const info = uploads.use((state) => state.pictures[id]);
  const name = info?.name ?? t("image.chosen");
  return (
    <div>
      <div className={`frame flex items-stretch ${over ? "drop-zone-over" : ""}`}>
        <Picture src={thumbUrl(id, 256)} alt={name} className={`${large ? "size-28" : "size-20"} shrink-0 object-cover`} />
        <div className="flex min-w-0 flex-1 flex-col justify-center gap-1 px-3 py-2">
          <p className="truncate text-sm font-medium" title={info?.name} data-testid="file-name">
            {name}
          </p>
          {info && info.width > 0 && (
            <p className="text-xs text-soft tabular-nums">
              {info.width} × {info.height}
              {info.seconds != null && ` · ${seconds(info.seconds)}`}
            </p>
          )}
          <div className="flex flex-wrap gap-x-3 text-sm">
            <button type="button" className="link" onClick={onReplace}>
              {t("image.replace")}
            </button>
            <button type="button" className="link" onClick={onRemove}>
              {t("image.remove")}
            </button>
          </div>
        </div>
      </div>
      {info?.warnings.map((warning) => (
        <p key={warning.en} className="note mt-2">
          {w(warning)}
        </p>
      ))}
      <MadeWith id={id} />
    </div>
  );
}
