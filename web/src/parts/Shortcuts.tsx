/** The list of keyboard shortcuts, opened with "?". */

import { useEffect, useState } from "react";
import { useI18n, type Key } from "../i18n";
import { Dialog } from "./Dialog";
import { isDialogOpen, isTyping } from "./keyboard";

/** Key names that are the same in both languages, by what they do. */
const SHORTCUTS: { title: Key; keys: [string[], Key][] }[] = [
  { title: "keys.method", keys: [[["Ctrl + Enter"], "keys.run"], [["Esc", "Alt + Enter"], "keys.stop"]] },
  { title: "keys.compare", keys: [[["←", "→"], "keys.divider"]] },
  { title: "keys.zoom", keys: [[["+", "−"], "keys.zoom.change"], [["0"], "keys.zoom.fit"], [["1"], "keys.zoom.full"]] },
  { title: "gallery", keys: [[["←", "→"], "keys.neighbour"], [["Delete"], "keys.delete"]] },
  { title: "keys.masks", keys: [[["← ↑ → ↓"], "keys.brush"], [["Space"], "keys.paint"], [["Ctrl + Z"], "undo"], [["Ctrl + Y"], "redo"]] },
  { title: "keys.everywhere", keys: [[["?"], "keys.list"]] },
];

export function Shortcuts() {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "?" || event.ctrlKey || event.metaKey || isTyping(event) || isDialogOpen()) return;
      event.preventDefault();
      setOpen(true);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return open && <ShortcutList onClose={() => setOpen(false)} />;
}

function ShortcutList({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  return (
    <Dialog title={t("keys")} shape="small" onClose={onClose} testid="shortcuts">
      <div className="flex max-h-[80dvh] flex-col gap-4 overflow-y-auto p-4">
        {SHORTCUTS.map(({ title, keys }) => (
          <section key={title}>
            <h3 className="mb-1 text-sm font-medium text-soft">{t(title)}</h3>
            <dl>
              {keys.map(([names, what]) => (
                <div key={what} className="flex items-baseline justify-between gap-4 border-b border-line py-1.5">
                  <dt>{t(what)}</dt>
                  <dd className="flex shrink-0 gap-1">
                    {names.map((name) => (
                      <kbd key={name} className="rounded border border-edge bg-wall px-1.5 py-0.5 font-sans text-xs">
                        {name}
                      </kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
