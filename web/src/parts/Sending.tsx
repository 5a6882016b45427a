/** Uploads under way for a field or the easel: how far each is, and what went wrong in words. */

import { X } from "lucide-react";
import { useSpeech } from "../i18n";
import { dismiss, easel, type Sending as Upload } from "../store/easel";
import { Bar } from "./Bar";
import { faultText } from "./toasts";

const NONE: never[] = [];

/** Faults told one by one; of a folder full of them the rest are counted. */
const TOLD = 3;

export function Sending({ target }: { target: string }) {
  const { t } = useSpeech();
  const sending = easel.use((state) => state.sending[target] ?? NONE);
  const waiting = easel.use((state) => state.waiting[target] ?? 0);
  const faults = sending.filter((item) => item.error);
  const shown = sending.filter((item) => !item.error || faults.indexOf(item) < TOLD);
  return (
    <>
      {shown.map((item) => (
        <Item key={item.key} item={item} target={target} />
      ))}
      {faults.length > TOLD && <p className="mt-2 text-sm text-bad">{t("image.refused", { n: faults.length - TOLD })}</p>}
      {waiting > 0 && <p className="tabular mt-1 text-xs text-soft">{t("image.waiting", { n: waiting })}</p>}
    </>
  );
}

function Item({ item, target }: { item: Upload; target: string }) {
  const { t } = useSpeech();
  if (item.error)
    return (
      <p className="fault mt-2" role="alert">
        <span className="min-w-0 flex-1 break-words">
          <span className="font-medium">{item.name}</span>: {faultText(item.error)}
        </span>
        <button type="button" className="icon-button -my-1" aria-label={t("close")} onClick={() => dismiss(target)}>
          <X size={14} aria-hidden />
        </button>
      </p>
    );
  return (
    <div className="mt-2 text-xs text-soft">
      <p className="truncate">{t(item.share < 1 ? "image.sending" : "image.reading", { name: item.name })}</p>
      <Bar share={item.share < 1 ? item.share : null} label={t("image.sending", { name: item.name })} />
    </div>
  );
}
