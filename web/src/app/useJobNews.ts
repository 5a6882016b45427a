/** Shows a toast when a job ends that is not on the stage in front of the user. */

import { useEffect, useRef } from "react";
import { useI18n } from "../i18n";
import { navigate, type Route } from "../lib/route";
import { isDialogOpen } from "../parts/keyboard";
import { showToast } from "../parts/toasts";
import { connection } from "../store/connection";
import { formState } from "../store/form";
import { methodOf } from "../store/queries";

export function useJobNews(route: Route): void {
  const { t, w, explain } = useI18n();
  const ended = connection.use((state) => state.lastEnded);
  const shown = useRef<string | null>(null);
  useEffect(() => {
    if (!ended || shown.current === ended.id || ended.state === "cancelled") return;
    shown.current = ended.id;
    const onStage = route.page === "method" && formState.get().current[route.method] === ended.id;
    if (onStage && !isDialogOpen()) return;
    const method = methodOf(ended.method);
    const title = method ? w(method.title) : ended.method;
    if (ended.state === "failed") return showToast([t("news.failed", { title }), ended.error && explain(ended.error)].filter(Boolean).join(": "), { bad: true });
    const action = method && method.family !== "tool" ? { label: t("news.show"), run: () => navigate(`#/gallery/${ended.id}`) } : null;
    showToast(t("news.done", { title }), { action });
  }, [ended, route, t, w, explain]);
}
