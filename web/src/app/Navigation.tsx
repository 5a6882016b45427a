/** The header, and a phone's navigation bar. */

import { Cpu, Images, Languages, ListVideo, Monitor, Moon, Paintbrush, Sun } from "lucide-react";
import type { ReactNode } from "react";
import { useI18n, type Key } from "../i18n";
import { prefs, setPrefs, type Theme } from "../lib/prefs";
import type { Route } from "../lib/route";
import { useBusyCount } from "./useBusyCount";

const PAGES = [
  { pages: ["home", "method"], href: "#/", key: "studio", icon: Paintbrush },
  { pages: ["gallery"], href: "#/gallery", key: "gallery", icon: Images },
  { pages: ["models"], href: "#/models", key: "models", icon: Cpu },
] as const satisfies { pages: Route["page"][]; href: string; key: Key; icon: typeof Cpu }[];

const isCurrent = (pages: readonly Route["page"][], route: Route) => (pages.includes(route.page) ? ("page" as const) : undefined);

export function Header({ route, onQueue }: { route: Route; onQueue: () => void }) {
  const { t, lang } = useI18n();
  const busy = useBusyCount();
  return (
    <header className="sticky top-0 z-20 flex h-15 items-center border-b border-line bg-[color-mix(in_srgb,var(--wall)_92%,transparent)] px-4 backdrop-blur-[10px] sm:px-8">
      <a href="#/" className="flex items-center gap-2.5" title={t("home")}>
        <img src="/seal.svg" alt="" width={32} height={32} />
        <span className="title text-xl leading-none">
          {lang === "zh" ? "画坊" : "Huafang"} <span className="ml-0.5 text-sm text-soft max-[420px]:hidden">{lang === "zh" ? "Huafang" : "画坊"}</span>
        </span>
      </a>
      <nav className="ml-6 hidden gap-1 sm:flex" aria-label={t("nav")}>
        {PAGES.map(({ pages, href, key }) => (
          <a
            key={key}
            href={href}
            className="border-b-2 border-transparent px-3 py-[0.35rem] text-soft hover:text-ink aria-[current]:border-seal aria-[current]:font-semibold aria-[current]:text-ink"
            aria-current={isCurrent(pages, route)}
          >
            {t(key)}
          </a>
        ))}
      </nav>
      <div className="ml-auto flex items-center gap-0.5">
        <button type="button" className="button-plain max-sm:hidden" onClick={onQueue} data-testid="queue-toggle">
          <ListVideo size={18} aria-hidden />
          {t("queue")}
          {busy > 0 && <Count n={busy} />}
        </button>
        <button
          type="button"
          className="button-plain"
          onClick={() => setPrefs({ lang: lang === "zh" ? "en" : "zh" })}
          aria-label={t("language.switch")}
          title={t("language.switch")}
          data-testid="language"
        >
          <Languages size={18} aria-hidden />
          <span lang={lang === "zh" ? "en" : "zh-CN"}>{t("language.other")}</span>
        </button>
        <ThemeButton />
      </div>
    </header>
  );
}

export function BottomNavigation({ route, onQueue }: { route: Route; onQueue: () => void }) {
  const { t } = useI18n();
  const busy = useBusyCount();
  const item = "flex h-14 flex-col items-center justify-center gap-0.5 text-xs/[inherit] text-soft aria-[current]:font-semibold aria-[current]:text-seal";
  return (
    <nav className="fixed inset-x-0 bottom-0 z-20 grid grid-cols-4 border-t border-line bg-wall pb-[env(safe-area-inset-bottom)] sm:hidden" aria-label={t("nav")}>
      {PAGES.map(({ pages, href, key, icon: Icon }) => (
        <a key={key} href={href} className={item} aria-current={isCurrent(pages, route)}>
          <Icon size={20} aria-hidden />
          {t(key)}
        </a>
      ))}
      <button type="button" className={item} onClick={onQueue} data-testid="queue-toggle-phone">
        <span className="relative">
          <ListVideo size={20} aria-hidden />
          {busy > 0 && (
            <span className="absolute -top-2 left-3">
              <Count n={busy} />
            </span>
          )}
        </span>
        {t("queue")}
      </button>
    </nav>
  );
}

function Count({ n }: { n: number }) {
  const { t } = useI18n();
  return (
    <span className="inline-flex h-5 min-w-5 items-center justify-center rounded-full bg-seal px-[0.3rem] text-xs/[inherit] font-semibold text-on-seal">
      {n}
      <span className="sr-only">{t("queue.count", { n })}</span>
    </span>
  );
}

const THEMES: Record<Theme, { next: Theme; icon: ReactNode; key: Key }> = {
  system: { next: "light", icon: <Monitor size={18} aria-hidden />, key: "theme.system" },
  light: { next: "dark", icon: <Sun size={18} aria-hidden />, key: "theme.light" },
  dark: { next: "system", icon: <Moon size={18} aria-hidden />, key: "theme.dark" },
};

function ThemeButton() {
  const { t } = useI18n();
  const theme = prefs.use((state) => state.theme);
  const { next, icon, key } = THEMES[theme];
  const label = t("theme.now", { theme: t(key), next: t(THEMES[next].key) });
  return (
    <button type="button" className="icon-button" aria-label={label} title={label} onClick={() => setPrefs({ theme: next })} data-testid="theme" data-theme-choice={theme}>
      {icon}
    </button>
  );
}
