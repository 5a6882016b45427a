/** Short news at the edge of the page, read out by screen readers, sometimes with one thing to do about it. */

import { X } from "lucide-react";
import { useLayoutEffect, useRef } from "react";
import { ApiError } from "../api/client";
import { currentSpeech, useSpeech } from "../i18n";
import { createStore } from "../store/store";

/** `about` is what it is news of: it goes when newer news of that comes, or when that is over. */
interface Toast { key: number; text: string; bad: boolean; about: string | null; action: { label: string; run: () => void } | null }

/** Visible at a time. */
const AT_MOST = 2;

const toasts = createStore<{ list: Toast[] }>({ list: [] });
let counter = 0;

const drop = (key: number) => toasts.set((state) => ({ list: state.list.filter((toast) => toast.key !== key) }));

export function untell(about: string): void {
  toasts.set((state) => ({ list: state.list.filter((toast) => toast.about !== about) }));
}

export function tell(text: string, { bad = false, about = null, action = null }: Partial<Omit<Toast, "key" | "text">> = {}): void {
  const key = (counter += 1);
  if (about) untell(about);
  const others = toasts.get().list.filter((toast) => toast.text !== text || toast.action !== null);
  toasts.set(() => ({ list: [...others, { key, text, bad, about, action }].slice(-AT_MOST) }));
  setTimeout(() => drop(key), action || bad ? 9000 : 4500);
}

/** A fault in words: what it is called, what the server said, what to do. */
export function faultText(error: unknown): string {
  const speech = currentSpeech();
  if (!(error instanceof ApiError)) return `${speech.t("fault.error")}: ${String(error)}`;
  return [speech.fault(error.code), speech.explain(error)].filter(Boolean).join(" — ");
}

export const tellFault = (error: unknown): void => tell(faultText(error), { bad: true });

export function Toasts() {
  const list = toasts.use((state) => state.list);
  const { t } = useSpeech();
  const box = useRef<HTMLDivElement>(null);
  // A popover shown anew stands above dialogs, which would else cover the news.
  useLayoutEffect(() => {
    if (!list.length) return;
    box.current?.showPopover();
    return () => box.current?.hidePopover();
  }, [list]);
  return (
    <div ref={box} popover="manual" className="toasts" role="status" aria-live="polite" data-testid="toasts">
      {list.map((toast) => (
        <div key={toast.key} className={`toast ${toast.bad ? "toast-bad" : ""}`}>
          <span className="min-w-0 flex-1 break-words">{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              className="link font-semibold"
              onClick={() => {
                toast.action?.run();
                drop(toast.key);
              }}
            >
              {toast.action.label}
            </button>
          )}
          <button type="button" className="icon-button -my-1 -mr-2" aria-label={t("close")} onClick={() => drop(toast.key)}>
            <X size={16} aria-hidden />
          </button>
        </div>
      ))}
    </div>
  );
}
