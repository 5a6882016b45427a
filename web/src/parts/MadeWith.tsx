/** Offers the settings that a picture file carries. */

import { FileImage } from "lucide-react";
import { useI18n } from "../i18n";
import { useMethods } from "../store/queries";
import { uploads } from "../store/uploads";
import { takeSettings } from "./actions";

/** `named`: only if the settings name their method, for places without a form. */
export function MadeWith({ id, named = false }: { id: string; named?: boolean }) {
  const { t } = useI18n();
  const made = uploads.use((state) => state.pictures[id]?.made_with);
  const methods = useMethods();
  const params = made?.params;
  if (!params || typeof params !== "object" || !Object.keys(params).length) return null;
  const settings = params as Record<string, unknown>;
  if (named && !methods?.some((method) => method.name === settings.method)) return null;
  return (
    <p className="note mt-2">
      <FileImage size={16} className="mt-0.5 shrink-0" aria-hidden />
      <span className="flex-1">{t("image.madewith", { tool: typeof made.tool === "string" ? made.tool : "?" })}</span>
      <button type="button" className="link" onClick={() => void takeSettings(settings)}>
        {t("settings.use")}
      </button>
    </p>
  );
}
