/** The browser's own dialog: it keeps focus inside, closes on Esc, and gives focus back. */

import { X } from "lucide-react";
import { useLayoutEffect, useRef, type ReactNode } from "react";
import { useSpeech } from "../i18n";

interface Props { title: string; onClose: () => void; shape: "drawer" | "wide" | "full"; children: ReactNode; actions?: ReactNode; testid?: string }

export function Dialog({ title, onClose, shape, children, actions, testid }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  const { t } = useSpeech();
  // A layout effect ends while the dialog is still in the page, so that closing it gives focus back to where it was.
  useLayoutEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={box}
      aria-label={title}
      className={`dialog dialog-${shape}`}
      data-testid={testid}
      // React lets these rise to the dialog that this one was opened from, which has to stay.
      onCancel={(event) => {
        if (event.target !== box.current) return;
        event.preventDefault();
        onClose();
      }}
      // Chromium closes at a second Esc without asking.
      onClose={(event) => {
        if (event.target !== box.current) return;
        onClose();
        // Whoever would not have it closed gets it back.
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
