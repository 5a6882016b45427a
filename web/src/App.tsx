/** The frame around every page: header, news, the queue's drawer, the line to the server. */

import { Cpu, Images, Languages, ListVideo, Monitor, Moon, Paintbrush, Sun, Unplug } from "lucide-react";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { setToken } from "./api/client";
import { useSpeech, type Key } from "./i18n";
import { Gallery } from "./pages/Gallery";
import { Home } from "./pages/Home";
import { Models } from "./pages/Models";
import { Room } from "./pages/Room";
import { methodOf } from "./parts/act";
import { DropAnywhere } from "./parts/drop";
import { QueuePanel } from "./parts/QueuePanel";
import { go, useRoute, type Route } from "./parts/route";
import { tell, Toasts } from "./parts/toasts";
import { easel } from "./store/easel";
import { choosePrefs, prefs, type Theme } from "./store/prefs";
import { studio } from "./store/studio";

export function App() {
  const { t } = useSpeech();
  const route = useRoute();
  const [queueOpen, setQueueOpen] = useState(false);
  useTitle(route);
  useNews(route);
  useEffect(() => {
    // In braces: Chromium's scrollTo gives a promise, which an effect may not.
    scrollTo(0, 0);
  }, [route.page]);
  return (
    <>
      <a href="#main" className="skip" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>
        {t("skip")}
      </a>
      <Header route={route} onQueue={() => setQueueOpen(true)} />
      <LinkBanner />
      <main id="main" tabIndex={-1} className="flex-1 pb-20 outline-none sm:pb-0">
        <Page route={route} />
      </main>
      <BottomNav route={route} onQueue={() => setQueueOpen(true)} />
      {queueOpen && <QueuePanel onClose={() => setQueueOpen(false)} />}
      <DropAnywhere />
      <Toasts />
    </>
  );
}

function Page({ route }: { route: Route }) {
  const { t } = useSpeech();
  const methods = studio.use((state) => state.methods);
  const locked = studio.use((state) => state.locked);
  if (locked) return <Locked />;
  if (route.page === "gallery") return <Gallery open={route.job} />;
  if (route.page === "models") return <Models />;
  if (route.page === "home") return <Home />;
  if (methods === null) return <p className="p-10 text-center text-soft">{t("loading")}</p>;
  const method = methods.find((one) => one.name === route.method && one.family !== "tool");
  return method ? <Room key={method.name} method={method} /> : <p className="p-10 text-center text-soft">{t("room.unknown")}</p>;
}

const PLACES = [
  { page: "home", also: "room", href: "#/", key: "studio", icon: Paintbrush },
  { page: "gallery", also: null, href: "#/gallery", key: "gallery", icon: Images },
  { page: "models", also: null, href: "#/models", key: "models", icon: Cpu },
] as const;

const useBusy = (): number =>
  studio.use((state) => Math.max(state.waiting, state.queue.filter((id) => ["queued", "running"].includes(state.jobs[id]?.state ?? "")).length));

function Header({ route, onQueue }: { route: Route; onQueue: () => void }) {
  const { t, lang } = useSpeech();
  const busy = useBusy();
  return (
    <header className="site-header">
      <a href="#/" className="flex items-center gap-2.5" title={t("home")}>
        <img src="/seal.svg" alt="" width={32} height={32} />
        <span className="title text-xl leading-none">
          {lang === "zh" ? "画坊" : "Huafang"} <span className="ml-0.5 text-sm text-soft max-[420px]:hidden">{lang === "zh" ? "Huafang" : "画坊"}</span>
        </span>
      </a>
      <nav className="ml-6 hidden gap-1 sm:flex" aria-label={t("nav")}>
        {PLACES.map(({ page, also, href, key }) => (
          <a key={key} href={href} className="nav-link" aria-current={route.page === page || route.page === also ? "page" : undefined}>
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
          onClick={() => choosePrefs({ lang: lang === "zh" ? "en" : "zh" })}
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

function Count({ n }: { n: number }) {
  const { t } = useSpeech();
  return (
    <span className="count">
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
  const { t } = useSpeech();
  const theme = prefs.use((state) => state.theme);
  const { next, icon, key } = THEMES[theme];
  const label = t("theme.now", { theme: t(key), next: t(THEMES[next].key) });
  return (
    <button type="button" className="icon-button" aria-label={label} title={label} onClick={() => choosePrefs({ theme: next })} data-testid="theme" data-theme-choice={theme}>
      {icon}
    </button>
  );
}

function BottomNav({ route, onQueue }: { route: Route; onQueue: () => void }) {
  const { t } = useSpeech();
  const busy = useBusy();
  return (
    <nav className="bottom-nav sm:hidden" aria-label={t("nav")}>
      {PLACES.map(({ page, also, href, key, icon: Icon }) => (
        <a key={key} href={href} aria-current={route.page === page || route.page === also ? "page" : undefined}>
          <Icon size={20} aria-hidden />
          {t(key)}
        </a>
      ))}
      <button type="button" onClick={onQueue} data-testid="queue-toggle-phone">
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

/** Says that the server is away, once it has been for a moment: a restart should not flash. */
function LinkBanner() {
  const { t } = useSpeech();
  const link = studio.use((state) => state.link);
  const locked = studio.use((state) => state.locked);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (link !== "lost") return setShown(false);
    const timer = setTimeout(() => setShown(true), 1200);
    return () => clearTimeout(timer);
  }, [link]);
  if (!shown || locked) return null;
  return (
    <p className="flex items-center justify-center gap-2 bg-ink px-4 py-2 text-sm text-wall" role="status" data-testid="offline">
      <Unplug size={16} aria-hidden />
      {t("offline")}
    </p>
  );
}

function Locked() {
  const { t } = useSpeech();
  const [typed, setTyped] = useState("");
  return (
    <form
      className="mx-auto mt-20 flex max-w-sm flex-col gap-3 px-4"
      onSubmit={(event) => {
        event.preventDefault();
        setToken(typed.trim());
        location.reload();
      }}
    >
      <h1 className="title text-2xl">{t("locked")}</h1>
      <p className="text-sm text-soft">{t("locked.how")}</p>
      <label className="flex flex-col gap-1">
        <span className="font-medium">{t("locked.token")}</span>
        <input type="password" className="input" autoComplete="off" value={typed} onChange={(event) => setTyped(event.target.value)} />
      </label>
      <button type="submit" className="button-main">
        {t("locked.enter")}
      </button>
    </form>
  );
}

/** Says when a job ended that is not on the stage before us. */
function useNews(route: Route): void {
  const { t, w, explain } = useSpeech();
  const ended = studio.use((state) => state.lastEnded);
  const told = useRef<string | null>(null);
  useEffect(() => {
    if (!ended || told.current === ended.id || ended.state === "cancelled") return;
    told.current = ended.id;
    const onStage = route.page === "room" && easel.get().current[route.method] === ended.id;
    if (onStage && !document.querySelector("dialog[open]")) return;
    const method = methodOf(ended.method);
    const title = method ? w(method.title) : ended.method;
    if (ended.state === "failed") return tell([t("news.failed", { title }), ended.error && explain(ended.error)].filter(Boolean).join(": "), { bad: true });
    const shown = method && method.family !== "tool" ? { label: t("news.show"), run: () => go(`#/gallery/${ended.id}`) } : null;
    tell(t("news.done", { title }), { action: shown });
  }, [ended, route, t, w, explain]);
}

/** The tab says where we are, and how far the running job is. */
function useTitle(route: Route): void {
  const { t, w, lang } = useSpeech();
  const running = studio.use((state) => state.queue.map((id) => state.jobs[id]).find((job) => job?.state === "running"));
  const methods = studio.use((state) => state.methods);
  useEffect(() => {
    const named = (name: string) => methods?.find((one) => one.name === name);
    const title = (name: string) => {
      const method = named(name);
      return method ? w(method.title) : null;
    };
    const place = route.page === "room" ? title(route.method) : route.page === "home" ? null : t(route.page);
    const progress = running?.progress;
    const share = progress && progress.total > 0 ? `${Math.round((100 * progress.done) / progress.total)}%` : null;
    document.title = [running ? share : null, running ? title(running.method) : place, t("app")].filter(Boolean).join(" · ");
  }, [running, methods, lang, t, w, route]);
}
