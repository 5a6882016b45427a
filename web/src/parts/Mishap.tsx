/** What stands in place of a page that broke: a way on, instead of a blank sheet. */

import { Component, type ReactNode } from "react";
import { currentSpeech } from "../i18n";

export class Mishap extends Component<{ children: ReactNode }, { fault: string | null }> {
  override state = { fault: null };

  static getDerivedStateFromError(error: unknown) {
    return { fault: String(error) };
  }

  override render() {
    if (this.state.fault === null) return this.props.children;
    const { t } = currentSpeech();
    return (
      <div className="mx-auto mt-20 flex max-w-md flex-col items-start gap-3 px-4" role="alert">
        <h1 className="title text-2xl">{t("mishap")}</h1>
        <p className="text-sm text-soft">{t("mishap.safe")}</p>
        <code className="text-xs break-all">{this.state.fault}</code>
        <button type="button" className="button-main px-5" onClick={() => location.reload()}>
          {t("mishap.reload")}
        </button>
        <button
          type="button"
          className="button"
          onClick={() => {
            for (const key of Object.keys(localStorage)) if (key.startsWith("huafang.") && key !== "huafang.prefs") localStorage.removeItem(key);
            location.replace(location.pathname);
          }}
        >
          {t("mishap.forget")}
        </button>
      </div>
    );
  }
}
