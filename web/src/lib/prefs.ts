/** Language and theme: the browser's own until the user chooses. */

import { createStore, loadSaved, save } from "./store";

export type Lang = "en" | "zh";
export type Theme = "system" | "light" | "dark";
interface Prefs { lang: Lang; theme: Theme }

const KEY = "huafang.prefs";

const browserLang = (): Lang => (navigator.languages.find((tag) => /^(zh|en)/i.test(tag))?.toLowerCase().startsWith("zh") ? "zh" : "en");

export const prefs = createStore<Prefs>({ lang: browserLang(), theme: "system", ...loadSaved<Partial<Prefs>>(KEY, {}) });

function apply(systemIsDark: boolean): void {
  const { lang, theme } = prefs.get();
  const root = document.documentElement;
  root.lang = lang === "zh" ? "zh-CN" : "en";
  root.dataset.theme = theme === "dark" || (theme === "system" && systemIsDark) ? "dark" : "light";
}

export function startPrefs(): void {
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const update = () => apply(systemDark.matches);
  update();
  systemDark.addEventListener("change", update);
  prefs.subscribe(update);
}

export function setPrefs(patch: Partial<Prefs>): void {
  prefs.set(patch);
  save(KEY, { ...loadSaved(KEY, {}), ...patch });
}
