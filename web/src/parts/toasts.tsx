/** Short messages at the edge of the page, read out by screen readers, sometimes with one action. */

import { X } from "lucide-react";
import { useLayoutEffect, useRef } from "react";
import { ApiError } from "../api/client";
import { currentI18n, useI18n } from "../i18n";
import { createStore } from "../lib/store";

/** A toast with a `topic` disappears when a newer one has the same topic, or at `hideToast`. */
interface Toast { key: number; text: string; bad: boolean; topic: string | null; action: { label: string; run: () => void } | null }

const MAX_VISIBLE = 2;

const toasts = createStore<{ list: Toast[] }>({ list: [] });
let counter = 0;

const remove = (key: number) => toasts.set((state) => ({ list: state.list.filter((toast) => toast.key !== key) }));

export function hideToast(topic: string): void {
  toasts.set((state) => ({ list: state.list.filter((toast) => toast.topic !== topic) }));
}

export function showToast(text: string, { bad = false, topic = null, action = null }: Partial<Omit<Toast, "key" | "text">> = {}): void {
  const key = (counter += 1);
  if (topic) hideToast(topic);
  const others = toasts.get().list.filter((toast) => toast.text !== text || toast.action !== null);
  toasts.set({ list: [...others, { key, text, bad, topic, action }].slice(-MAX_VISIBLE) });
  setTimeout(() => remove(key), action || bad ? 9000 : 4500);
}

/** An error as text: its title, the server's message, what to do. */
export function errorText(error: unknown): string {
  const { t, errorTitle, explain } = currentI18n();
  if (!(error instanceof ApiError)) return `${t("fault.error")}: ${String(error)}`;
  return [errorTitle(error.code), explain(error)].filter(Boolean).join(" — ");
}

/** Runs `what`; an error is shown as a toast. */
export async function withErrorToast(what: () => Promise<unknown>): Promise<void> {
  try {
    await what();
  } catch (error) {
    showToast(errorText(error), { bad: true });
  }
}

/* Under the header, above a phone's run bar. Over the queue's drawer they move to its foot, as its own buttons are at its head; its list can then be scrolled clear of them. */
const PLACE =
  "pointer-events-none fixed inset-x-3 top-17 bottom-auto m-0 w-auto max-h-[calc(100dvh-4.25rem-8.5rem-env(safe-area-inset-bottom))] overflow-visible border-0 bg-transparent p-0 " +
  "in-[:has([data-drawer][open])]:top-auto in-[:has([data-drawer][open])]:bottom-[calc(0.75rem+env(safe-area-inset-bottom))] in-[:has([data-drawer][open])]:max-h-[40dvh] " +
  "open:flex open:flex-col open:items-center open:gap-2";
const TOAST = "pointer-events-auto flex min-h-11 w-max max-w-[min(100%,40rem)] items-center gap-3 rounded-lg bg-ink px-4 py-[0.6rem] text-sm/[inherit] text-wall shadow-toast";

export function Toasts() {
  const list = toasts.use((state) => state.list);
  const { t } = useI18n();
  const box = useRef<HTMLDivElement>(null);
  // A popover shown again is above dialogs, which would cover it otherwise.
  useLayoutEffect(() => {
    const element = box.current;
    if (!list.length) return;
    element?.showPopover();
    return () => element?.hidePopover();
  }, [list]);
  return (
    <div ref={box} popover="manual" className={PLACE} role="status" aria-live="polite" data-testid="toasts">
      {list.map((toast) => (
        <div key={toast.key} className={`${TOAST} ${toast.bad ? "border-l-4 border-[#ef6b50]" : ""}`} data-testid="toast">
          {/* A long text is scrolled. */}
          <span className="min-w-0 flex-1 content-center-safe self-stretch overflow-y-auto break-words">{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              className="font-semibold underline decoration-edge underline-offset-[3px] hover:decoration-current"
              onClick={() => {
                toast.action?.run();
                remove(toast.key);
              }}
            >
              {toast.action.label}
            </button>
          )}
          <button type="button" className="icon-button -my-1 -mr-2" aria-label={t("close")} onClick={() => remove(toast.key)}>
            <X size={16} aria-hidden />
          </button>
        </div>
      ))}
    </div>
  );
}
