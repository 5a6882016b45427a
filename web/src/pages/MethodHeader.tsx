/** A method's title, summary and paper. */

import { ArrowLeft, ExternalLink } from "lucide-react";
import type { Method } from "../api/types";
import { useI18n } from "../i18n";

export function MethodHeader({ method }: { method: Method }) {
  const { t, w } = useI18n();
  return (
    <header className="px-4 pt-4 lg:border-r lg:border-line lg:pt-6 lg:pr-6 lg:pl-8 lg:[grid-area:head]">
      <a href="#/" className="link mb-2 inline-flex items-center gap-1 text-sm">
        <ArrowLeft size={14} aria-hidden />
        {t("method.back")}
      </a>
      <h1 className="title text-2xl">{w(method.title)}</h1>
      <p className="mt-1 text-sm text-soft">{w(method.summary)}</p>
      {method.paper && (
        <details className="mt-1 text-xs text-soft">
          <summary className="cursor-pointer">{t("method.paper")}</summary>
          <p className="mt-1">
            {method.paper.citation}{" "}
            <a href={method.paper.url} className="link inline-flex items-center gap-0.5" target="_blank" rel="noreferrer noopener">
              {t("method.paper.open")}
              <ExternalLink size={11} aria-hidden />
            </a>
          </p>
        </details>
      )}
    </header>
  );
}
