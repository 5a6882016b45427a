/** Texts in the user's language. The compiler checks that both catalogues have the same keys. */

import type { Words } from "../api/types";
import { prefs, type Lang } from "../lib/prefs";
import { en } from "./en";
import { say, type Key } from "./say";
import { serverMessages } from "./zh";

export { say, type Key };

/** An error as the server reports it. */
export interface ServerError { code: string; message: string; hint: string | null }

/** The server's own messages are English. */
const messages: Record<Lang, Record<string, string>> = { en: {}, zh: serverMessages };

export interface I18n {
  lang: Lang;
  t: (key: Key, values?: Record<string, string | number>) => string;
  /** A text from the server, in the user's language. */
  w: (words: Words) => string;
  bytes: (count: number) => string;
  number: (value: number, digits?: number) => string;
  seconds: (value: number) => string;
  list: (items: string[]) => string;
  /** "a, b or c" */
  either: (items: string[]) => string;
  when: (iso: string) => string;
  /** The title of an error with this code. */
  errorTitle: (code: string) => string;
  /** What happened and what to do about it: in the user's language where the code is known, else the server's message. */
  explain: (error: ServerError) => string;
  /** Whether `explain` differs from the server's message. */
  translates: (code: string) => boolean;
}

function create(lang: Lang): I18n {
  const locale = lang === "zh" ? "zh-CN" : "en";
  const t: I18n["t"] = (key, values) => say(lang, key, values);
  const number: I18n["number"] = (value, digits = 3) => {
    const size = Math.abs(value);
    // Whole numbers are never rounded: a rounded seed is another seed.
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
    either: (items) => new Intl.ListFormat(locale, { type: "disjunction" }).format(items),
    when: (iso) => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso)),
    errorTitle: (code) => {
      const parts = code.split(".");
      for (let n = parts.length; n > 0; n -= 1) {
        const key = `fault.${parts.slice(0, n).join(".")}`;
        if (key in en) return t(key as Key);
      }
      return t("fault.error");
    },
    explain: ({ code, message, hint }) => messages[lang][code] ?? [message, hint].filter(Boolean).join(" — "),
    translates: (code) => code in messages[lang],
  };
}

const languages: Record<Lang, I18n> = { en: create("en"), zh: create("zh") };

export const useI18n = (): I18n => languages[prefs.use((state) => state.lang)];
/** For code outside components. */
export const currentI18n = (): I18n => languages[prefs.get().lang];
