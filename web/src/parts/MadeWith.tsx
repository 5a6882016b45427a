/** Offers the settings that a picture carries. */

import { FileImage } from "lucide-react";
import { useSpeech } from "../i18n";
import { easel } from "../store/easel";
import { studio } from "../store/studio";
import { takeSettings } from "./act";

/** `named`: only where the settings say which method they are for, as there is no form to take them otherwise. */
export function MadeWith({ id, named = false }: { id: string; named?: boolean }) {
  const { t } = useSpeech();
  const made = easel.use((state) => state.known[id]?.made_with);
  const methods = studio.use((state) => state.methods);
  const params = made?.params;
  if (!params || typeof params !== "object" || !Object.keys(params).length) return null;
  const settings = params as Record<string, unknown>;
  if (named && !methods?.some((method) => method.name === settings.method)) return null;
  return (
    <p className="note mt-2">
      <FileImage size={16} className="mt-0.5 shrink-0" aria-hidden />
      <span className="flex-1">{t("image.madewith", { tool: String(made?.tool ?? "?") })}</span>
      <button type="button" className="link" onClick={() => void takeSettings(settings)}>
        {t("settings.use")}
      </button>
    </p>
  );
}
