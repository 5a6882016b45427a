/** Uploads in progress for a target: how far each is, and what went wrong. */

import { X } from "lucide-react";
import { useI18n } from "../i18n";
import { clearErrors, uploads, type Upload } from "../store/uploads";
import { Bar } from "./Bar";
import { errorText } from "./toasts";

const NONE: never[] = [];

/** Errors shown one by one; the others of a folder are counted. */
const MAX_ERRORS = 3;

export function UploadList({ target }: { target: string }) {
  const { t } = useI18n();
  const active = uploads.use((state) => state.active[target] ?? NONE);
  const waiting = uploads.use((state) => state.waiting[target] ?? 0);
  const errors = active.filter((item) => item.error);
  const shown = active.filter((item) => !item.error || errors.indexOf(item) < MAX_ERRORS);
  return (
    <>
      {shown.map((item) => (
        <Item key={item.key} item={item} target={target} />
      ))}
      {errors.length > MAX_ERRORS && <p className="mt-2 text-sm text-bad">{t("image.refused", { n: errors.length - MAX_ERRORS })}</p>}
      {waiting > 0 && <p className="mt-1 text-xs text-soft tabular-nums">{t("image.waiting", { n: waiting })}</p>}
    </>
  );
}

function Item({ item, target }: { item: Upload; target: string }) {
  const { t } = useI18n();
  if (item.error)
    return (
      <p className="error-note mt-2" role="alert">
        <span className="min-w-0 flex-1 break-words">
          <span className="font-medium">{item.name}</span>: {errorText(item.error)}
        </span>
        <button type="button" className="icon-button -my-1" aria-label={t("close")} onClick={() => clearErrors(target)}>
          <X size={14} aria-hidden />
        </button>
      </p>
    );
  return (
    <div className="mt-2 text-xs text-soft">
      <p className="truncate">{t(item.done < 1 ? "image.sending" : "image.reading", { name: item.name })}</p>
      <Bar done={item.done < 1 ? item.done : null} label={t("image.sending", { name: item.name })} />
    </div>
  );
}
