/** Offers the settings that a picture carries. */

import { FileImage } from "lucide-react";
import type { Words } from "../api/types";
import { useSpeech } from "../i18n";
import { easel } from "../store/easel";
import { studio } from "../store/studio";
import { takeSettings } from "./act";

/** `named`: only where the settings say which method they are for, as there is no form to take them otherwise. */
export function MadeWith({ id, named = false }: { id: string; named?: boolean }) {
  const { t, w } = useSpeech();
  const made = easel.use((state) => state.known[id]?.made_with);
  const methods = studio.use((state) => state.methods);
  const params = made?.params;
  const lost = Array.isArray(made?.lost) ? (made.lost as Words[]) : [];
  if (!params || typeof params !== "object" || !Object.keys(params).length) return null;
  const settings: Record<string, unknown> = { ...(made.method ? { method: made.method } : {}), ...params };
  if (named && !methods?.some((method) => method.name === settings.method)) return null;
  return (
    <div className="note mt-2">
      <FileImage size={16} className="mt-0.5 shrink-0" aria-hidden />
      <div className="flex-1">
        <p>{t("image.madewith", { tool: String(made.tool ?? "?") })}</p>
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
