/** What is shown while the server does not answer, or wants a token. */

import { Unplug } from "lucide-react";
import { useEffect, useState } from "react";
import { setToken } from "../api/client";
import { useI18n } from "../i18n";
import { connection } from "../store/connection";

/** Milliseconds without a connection before it is mentioned: a quick restart should not flash. */
const PATIENCE_MS = 1200;

export function ConnectionBanner() {
  const link = connection.use((state) => state.link);
  const locked = connection.use((state) => state.locked);
  return link === "lost" && !locked ? <LostBanner /> : null;
}

function LostBanner() {
  const { t } = useI18n();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  return (
    <p className="flex items-center justify-center gap-2 bg-ink px-4 py-2 text-sm text-wall" role="status" data-testid="offline">
      <Unplug size={16} aria-hidden />
      {t("offline")}
    </p>
  );
}

export function TokenForm() {
  const { t } = useI18n();
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
