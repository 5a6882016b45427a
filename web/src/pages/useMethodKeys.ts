/** Ctrl + Enter runs the method, Esc or Alt + Enter stops its job. */

import { useEffect } from "react";
import { isDialogOpen, isTyping } from "../parts/keyboard";

/** Esc in a field belongs to the field: it closes a list or an input method, and never stops a job. */
export function useMethodKeys(run: () => Promise<void>, stop: (() => void) | null): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isDialogOpen() || event.isComposing) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        void run();
      } else if (stop && ((event.key === "Escape" && !isTyping(event)) || (event.key === "Enter" && event.altKey))) {
        event.preventDefault();
        stop();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [run, stop]);
}
