/** Shown instead of a page that threw an error. */

import { Component, type ReactNode } from "react";
import { currentI18n } from "../i18n";

interface State { message: string | null }

export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { message: null };

  static getDerivedStateFromError(error: unknown): State {
    return { message: String(error) };
  }

  override render() {
    if (this.state.message === null) return this.props.children;
    const { t } = currentI18n();
    return (
      <div className="mx-auto mt-20 flex max-w-md flex-col items-start gap-3 px-4" role="alert">
        <h1 className="title text-2xl">{t("crash")}</h1>
        <p className="text-sm text-soft">{t("crash.safe")}</p>
        <code className="text-xs break-all">{this.state.message}</code>
        <button type="button" className="button-main px-5" onClick={() => location.reload()}>
          {t("crash.reload")}
        </button>
        <button
          type="button"
          className="button"
          onClick={() => {
            for (const key of Object.keys(localStorage)) if (key.startsWith("huafang.") && key !== "huafang.prefs") localStorage.removeItem(key);
            location.replace(location.pathname);
          }}
        >
          {t("crash.forget")}
        </button>
      </div>
    );
  }
}
