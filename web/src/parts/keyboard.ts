/** Helpers for keyboard shortcuts. */

/** Whether a key press belongs to a text field, a list or a slider rather than to the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const { target } = event;
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

export const isDialogOpen = (): boolean => document.querySelector("dialog[open]") !== null;
