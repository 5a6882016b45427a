/** Words in the visitor's language. Both catalogues have the same keys: the compiler sees to it. */

import type { Words } from "../api/types";
import { prefs, type Lang } from "../store/prefs";
import { en } from "./en";
import { say, type Key } from "./say";
import { said } from "./zh";

export { say, type Key };

/** A fault as the server tells it. */
export interface Fault { code: string; message: string; hint: string | null }

/** The server's words are English already. */
const sentences: Record<Lang, Record<string, string>> = { en: {}, zh: said };

export interface Speech {
  lang: Lang;
  t: (key: Key, values?: Record<string, string | number>) => string;
  /** Words that came from the server, in our language. */
  w: (words: Words) => string;
  bytes: (count: number) => string;
  number: (value: number, digits?: number) => string;
  seconds: (value: number) => string;
  list: (items: string[]) => string;
  when: (iso: string) => string;
  /** What a fault of this code is called. */
  fault: (code: string) => string;
  /** What happened and what to do about it: in our language where we know the code, else as the server said it. */
  explain: (fault: Fault) => string;
  /** Whether `explain` says it in other words than the server's. */
  translates: (code: string) => boolean;
}

function speech(lang: Lang): Speech {
  const locale = lang === "zh" ? "zh-CN" : "en";
  const t: Speech["t"] = (key, values) => say(lang, key, values);
  const number: Speech["number"] = (value, digits = 3) => {
    const size = Math.abs(value);
    // A whole number is told whole: a seed that is rounded is none.
    if (Number.isSafeInteger(value)) return new Intl.NumberFormat(locale, { useGrouping: size < 1e7 }).format(value);
    if (size < 1e-3 || size >= 1e7) return value.toExponential(2);
    return new Intl.NumberFormat(locale, { maximumSignificantDigits: Math.max(digits, Math.ceil(Math.log10(size + 1))) }).format(value);
  };
  return {
    lang,
    t,
    number,
    w: (words) => words[lang] || words.en,
    bytes: (count) => {
      const power = count < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(count) / 3));
      const value = count / 1000 ** power;
      return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
    },
    seconds: (value) => {
      if (value < 10) return t("time.seconds", { s: value.toFixed(1) });
      if (value < 90) return t("time.seconds", { s: Math.round(value) });
      if (value < 5400) return t("time.minutes", { m: Math.round(value / 60) });
      return t("time.hours", { h: (value / 3600).toFixed(1) });
    },
    list: (items) => new Intl.ListFormat(locale).format(items),
    when: (iso) => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso)),
    fault: (code) => {
      const parts = code.split(".");
      for (let n = parts.length; n > 0; n -= 1) {
        const key = `fault.${parts.slice(0, n).join(".")}`;
        if (key in en) return t(key as Key);
      }
      return t("fault.error");
    },
    explain: ({ code, message, hint }) => sentences[lang][code] ?? [message, hint].filter(Boolean).join(" — "),
    translates: (code) => code in sentences[lang],
  };
}

const speeches: Record<Lang, Speech> = { en: speech("en"), zh: speech("zh") };

export const useSpeech = (): Speech => speeches[prefs.use((state) => state.lang)];
export const currentSpeech = (): Speech => speeches[prefs.get().lang];
