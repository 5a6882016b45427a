/** The frame around every page: navigation, toasts, the queue's drawer, the connection to the server. */

import { useEffect, useState } from "react";
import { ConnectionBanner, TokenForm } from "./app/Connection";
import { BottomNavigation, Header } from "./app/Navigation";
import { useJobNews } from "./app/useJobNews";
import { usePageTitle } from "./app/usePageTitle";
import { useI18n } from "./i18n";
import { useRoute, type Route } from "./lib/route";
import { Gallery } from "./pages/Gallery";
import { Home } from "./pages/Home";
import { MethodPage } from "./pages/MethodPage";
import { Models } from "./pages/Models";
import { DropAnywhere } from "./parts/drop";
import { QueuePanel } from "./parts/QueuePanel";
import { Shortcuts } from "./parts/Shortcuts";
import { Toasts } from "./parts/toasts";
import { connection } from "./store/connection";
import { useMethods } from "./store/queries";

export function App() {
  const { t } = useI18n();
  const route = useRoute();
  const [queueOpen, setQueueOpen] = useState(false);
  usePageTitle(route);
  useJobNews(route);
  useEffect(() => {
    // In braces: an effect must not return what Chromium's scrollTo returns.
    scrollTo(0, 0);
  }, [route.page]);
  return (
    <>
      <a
        href="#main"
        className="absolute -top-16 left-2 z-60 rounded-md bg-ink px-4 py-2 text-wall focus:top-2"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        {t("skip")}
      </a>
      <Header route={route} onQueue={() => setQueueOpen(true)} />
      <ConnectionBanner />
      <main id="main" tabIndex={-1} className="flex-1 pb-20 outline-none sm:pb-0">
        <Page route={route} />
      </main>
      <BottomNavigation route={route} onQueue={() => setQueueOpen(true)} />
      {queueOpen && <QueuePanel onClose={() => setQueueOpen(false)} />}
      <Shortcuts />
      <DropAnywhere />
      <Toasts />
    </>
  );
}

function Page({ route }: { route: Route }) {
  const { t } = useI18n();
  const methods = useMethods();
  const locked = connection.use((state) => state.locked);
  if (locked) return <TokenForm />;
  if (route.page === "gallery") return <Gallery open={route.job} />;
  if (route.page === "models") return <Models />;
  if (route.page === "home") return <Home />;
  if (methods === null) return <p className="p-10 text-center text-soft">{t("loading")}</p>;
  const method = methods.find((one) => one.name === route.method && one.family !== "tool");
  return method ? <MethodPage key={method.name} method={method} /> : <p className="p-10 text-center text-soft">{t("method.unknown")}</p>;
}
