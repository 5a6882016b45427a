/** Style cards with pictures. Choosing one fills in the settings that it brings; its prompt template is applied by the server. */

import { Ban, CloudDownload, Palette } from "lucide-react";
import type { ReactNode } from "react";
import type { StyleInfo } from "../../api/types";
import { useI18n } from "../../i18n";
import { Picture } from "../../parts/Picture";
import { setForm } from "../../store/form";
import { useStyles } from "../../store/queries";
import type { ControlProps } from "../Control";

const HAN = /\p{Script=Han}/u;

/** The user's words in the style's template of their language. */
function inTemplate(style: StyleInfo, prompt: string): string {
  const template = style.prompt_zh && HAN.test(prompt) ? style.prompt_zh : style.prompt;
  return template.replace("{prompt}", prompt.trim() || "…");
}

export function StylePicker({ method, values, value, onChange, id, describedBy }: ControlProps) {
  const { t, w } = useI18n();
  const styles = useStyles() ?? [];
  const chosen = styles.find((style) => style.name === value);
  const prompt = typeof values.prompt === "string" ? values.prompt : "";
  const pick = (style: StyleInfo) => {
    setForm(method, style.settings);
    onChange(style.name);
  };
  return (
    <div>
      <div role="radiogroup" aria-labelledby={`${id}-label`} aria-describedby={describedBy} className="picture-grid" id={id}>
        <Card name={id} label={t("style.none")} checked={!chosen} onPick={() => onChange(null)} icon={<Ban size={20} />} />
        {styles.map((style) => (
          <Card key={style.name} name={id} value={style.name} label={w(style.title)} checked={style === chosen} onPick={() => pick(style)} picture={style.preview} icon={style.missing.length ? <CloudDownload size={20} /> : <Palette size={20} />} />
        ))}
      </div>
      {chosen && (
        <p className="note mt-1.5 [overflow-wrap:anywhere]" data-testid="style-note">
          {chosen.missing.length > 0 ? t("style.needs", { names: chosen.missing.join(", "), source: w(chosen.source) }) : t("style.brings", { prompt: inTemplate(chosen, prompt) })}
        </p>
      )}
    </div>
  );
}

interface CardProps { name: string; value?: string; label: string; checked: boolean; onPick: () => void; picture?: string | null; icon: ReactNode }

function Card({ name, value = "", label, checked, onPick, picture, icon }: CardProps) {
  return (
    <label className="picture-choice">
      <input type="radio" name={name} value={value} checked={checked} onChange={onPick} className="sr-only" />
      {picture ? (
        <Picture src={picture} alt="" loading="lazy" width={160} height={120} className="aspect-4/3 w-full object-cover" />
      ) : (
        <span aria-hidden className="flex aspect-4/3 w-full items-center justify-center bg-tint text-soft">
          {icon}
        </span>
      )}
      <span className="block px-1.5 py-1 text-xs leading-tight">{label}</span>
    </label>
  );
}
