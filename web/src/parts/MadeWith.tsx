/** Offers the settings that a picture file carries. */

import { FileImage } from "lucide-react";
import type { Words } from "../api/types";
import { useI18n } from "../i18n";
import { useMethods } from "../store/queries";
import { uploads } from "../store/uploads";
import { takeSettings } from "./actions";

/** `named`: only if the settings name their method, for places without a form. */
export function MadeWith({ id, named = false }: { id: string; named?: boolean }) {
  const { t, w } = useI18n();
  const made = uploads.use((state) => state.pictures[id]?.made_with);
  const methods = useMethods();
  const params = made?.params;
  const lost = Array.isArray(made?.lost) ? (made.lost as Words[]) : [];
  if (!params || typeof params !== "object" || !Object.keys(params).length) return null;
  const settings: Record<string, unknown> = { ...(made.method ? { method: made.method } : {}), ...params };
  if (named && !methods?.some((method) => method.name === settings.method)) return null;
  return (
    <div className="note mt-2">
      <FileImage size={16} className="mt-0.5 shrink-0" aria-hidden />
      <div className="flex-1">
        <p>{t("image.madewith", { tool: typeof made.tool === "string" ? made.tool : "?" })}</p>
        {lost.length > 0 && (
          <ul className="mt-1 list-disc pl-4 text-xs" data-testid="lost-settings">
            {lost.map((said) => (
              <li key={said.en}>{w(said)}</li>
            ))}
          </ul>
        )}
      </div>
      <button type="button" className="link" onClick={() => void takeSettings(settings, lost)}>
        {t("settings.use")}
      </button>
    </div>
  );
}
