/** The tab's title: the page, or how far the running job is. */

import { useEffect } from "react";
import { useI18n } from "../i18n";
import type { Route } from "../lib/route";
import { useMethods, useQueue } from "../store/queries";

export function usePageTitle(route: Route): void {
  const { t, w } = useI18n();
  const methods = useMethods();
  const running = useQueue()?.jobs.find((job) => job.state === "running");
  useEffect(() => {
    const titleOf = (name: string) => {
      const method = methods?.find((one) => one.name === name);
      return method ? w(method.title) : null;
    };
    const page = route.page === "method" ? titleOf(route.method) : route.page === "home" ? null : t(route.page);
    const progress = running?.progress;
    const percent = progress && progress.total > 0 ? `${Math.round((100 * progress.done) / progress.total)}%` : null;
    document.title = [running ? percent : null, running ? titleOf(running.method) : page, t("app")].filter(Boolean).join(" · ");
  }, [running, methods, t, w, route]);
}
