/** Uploads under way for a field or the easel: how far each is, and what went wrong in words. */

import { X } from "lucide-react";
import { useSpeech } from "../i18n";
import { dismiss, easel } from "../store/easel";
import { Bar } from "./Bar";
import { faultText } from "./toasts";

const NONE: never[] = [];

export function Sending({ target }: { target: string }) {
  const { t } = useSpeech();
  const sending = easel.use((state) => state.sending[target] ?? NONE);
  return sending.map((item) =>
    item.error ? (
      <p key={item.key} className="fault mt-2" role="alert">
        <span className="min-w-0 flex-1 break-words">
          <span className="font-medium">{item.name}</span>: {faultText(item.error)}
        </span>
        <button type="button" className="icon-button -my-1" aria-label={t("close")} onClick={() => dismiss(target)}>
          <X size={14} aria-hidden />
        </button>
      </p>
    ) : (
      <div key={item.key} className="mt-2 text-xs text-soft">
        <p className="truncate">{t(item.share < 1 ? "image.sending" : "image.reading", { name: item.name })}</p>
        <Bar share={item.share < 1 ? item.share : null} label={t("image.sending", { name: item.name })} />
      </div>
    ),
  );
}
