/** A text of a catalogue with its placeholders filled. */

import type { Lang } from "../lib/prefs";
import { en } from "./en";
import { zh } from "./zh";

export type Key = keyof typeof en;
const catalogues: Record<Lang, Record<Key, string>> = { en, zh };

/** `{name}` is filled from `values`; "one|many" is chosen by `values.n`. */
export function say(lang: Lang, key: Key, values: Record<string, string | number> = {}): string {
  const [one = "", many = one] = catalogues[lang][key].split("|");
  const text = values.n === 1 ? one : many;
  return text.replace(/\{(\w+)\}/g, (whole, name: string, at: number) => {
    const value = name in values ? String(values[name]) : whole;
    const gap = (left = "", right = "") => (lang === "zh" && isMixed(left, right) ? " " : "");
    return gap(text[at - 1], value[0]) + value + gap(value.at(-1), text[at + whole.length]);
  });
}

/** Whether a Chinese and a Latin letter meet. Chinese typography puts a space between them, also around an inserted name. */
const isMixed = (left: string, right: string): boolean => /^(\p{Script=Han}[A-Za-z0-9]|[A-Za-z0-9]\p{Script=Han})$/u.test(left + right);
