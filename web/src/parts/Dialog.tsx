/** The browser's own dialog: it keeps focus inside, closes on Esc, and returns focus afterwards. */

import { X } from "lucide-react";
import { useLayoutEffect, useRef, type ReactNode } from "react";
import { useI18n } from "../i18n";

interface Props { title: string; onClose: () => void; shape: keyof typeof SHAPES; children: ReactNode; actions?: ReactNode; testid?: string }

const SHAPES = {
  drawer: "m-0 ml-auto h-dvh w-[min(100vw,26rem)]",
  small: "m-auto w-[min(94vw,30rem)] rounded-lg",
  wide: "m-0 h-dvh w-screen [--stage-height:70dvh] lg:m-auto lg:h-[92dvh] lg:w-[min(94vw,86rem)] lg:rounded-lg",
  full: "m-0 h-dvh w-screen",
};

export function Dialog({ title, onClose, shape, children, actions, testid }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  const { t } = useI18n();
  // A layout effect is cleaned up while the dialog is still in the page, so that closing it returns focus.
  useLayoutEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={box}
      aria-label={title}
      className={`max-h-none max-w-none border-0 bg-paper p-0 text-ink backdrop:bg-[rgb(10_8_5/0.55)] ${SHAPES[shape]}`}
      data-testid={testid}
      data-drawer={shape === "drawer" || undefined}
      // In React these events bubble from a dialog to the one it was opened from, which has to stay open.
      onCancel={(event) => {
        if (event.target !== box.current) return;
        event.preventDefault();
        onClose();
      }}
      // Chromium closes at a second Esc without a cancel event.
      onClose={(event) => {
        if (event.target !== box.current) return;
        onClose();
        // If the owner did not remove the dialog, it stays open.
        requestAnimationFrame(() => box.current && !box.current.open && box.current.showModal());
      }}
      onClick={(event) => event.target === box.current && onClose()}
    >
      <div className="flex h-full min-h-0 flex-col">
        <div className="flex items-center gap-2 border-b border-line px-4 py-2.5">
          <h2 className="title min-w-0 flex-1 truncate text-lg">{title}</h2>
          {actions}
          <button type="button" className="icon-button" aria-label={t("close")} onClick={onClose}>
            <X size={20} aria-hidden />
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
