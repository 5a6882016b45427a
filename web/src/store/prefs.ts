/** Language and theme: the browser's own until the visitor says otherwise. */

import { createStore, recall, remember } from "./store";

export type Lang = "en" | "zh";
export type Theme = "system" | "light" | "dark";
interface Prefs { lang: Lang; theme: Theme }

const browserLang = (): Lang => (navigator.languages.find((tag) => /^(zh|en)/i.test(tag))?.toLowerCase().startsWith("zh") ? "zh" : "en");

export const prefs = createStore<Prefs>({ lang: browserLang(), theme: "system", ...recall<Partial<Prefs>>("huafang.prefs", {}) });

const systemDark = matchMedia("(prefers-color-scheme: dark)");

function apply(): void {
  const { lang, theme } = prefs.get();
  const root = document.documentElement;
  root.lang = lang === "zh" ? "zh-CN" : "en";
  root.dataset.theme = theme === "dark" || (theme === "system" && systemDark.matches) ? "dark" : "light";
}

export function startPrefs(): void {
  apply();
  systemDark.addEventListener("change", apply);
  prefs.subscribe(apply);
}

export function choosePrefs(patch: Partial<Prefs>): void {
  prefs.set(patch);
  remember("huafang.prefs", { ...recall("huafang.prefs", {}), ...patch });
}
