/** Masks painted over a picture: where each of several other pictures applies. */

import { Redo2, Undo2 } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { thumbUrl } from "../api/client";
import { useI18n } from "../i18n";
import { Dialog } from "../parts/Dialog";
import { Picture } from "../parts/Picture";
import { UploadList } from "../parts/UploadList";
import { clearErrors } from "../store/uploads";
import { colourOf } from "./layers";
import { MaskBoard, type Tool } from "./MaskBoard";
import { uploadMasks, useSession } from "./session";
import type { MaskCanvas } from "./strokes";
import { SIZES, Tools } from "./Tools";

interface Props {
  title: string;
  /** The field that the masks' files are uploaded for. */
  target: string;
  /** For each mask, the picture it lies over, and the one it is for. */
  over: string[];
  per: string[];
  /** The current masks: one for each picture, or fewer. */
  masks: string[];
  onApply: (masks: string[]) => void;
  onClose: () => void;
}

export function MaskDialog({ title, target, over, per, masks, onApply, onClose }: Props) {
  const { t } = useI18n();
  const { session, error } = useSession(over, masks);
  const [active, setActive] = useState(0);
  const [tool, setTool] = useState<Tool>({ shape: "brush", erase: false, size: SIZES.first, soft: 0 });
  const [version, setVersion] = useState(0);
  const [leaving, setLeaving] = useState(false);
  const [sending, setSending] = useState(false);
  const mask = session?.masks[active];
  const background = session?.backgrounds[active];
  const picture = over[active];
  const shared = useMemo(() => new Map(session?.masks.map((one, n) => [n, one] as const).filter(([n]) => over[n] === picture)), [session, over, picture]);

  const change = (what: (mask: MaskCanvas) => void) => {
    if (!mask || sending) return;
    what(mask);
    setLeaving(false);
    setVersion((now) => now + 1);
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey)) return;
      const key = event.key.toLowerCase();
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      change((one) => (key === "y" || event.shiftKey ? one.redo() : one.undo()));
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });

  const close = () => {
    if (sending) return;
    if (leaving || !session?.masks.some((one) => one.changed)) onClose();
    else setLeaving(true);
  };
  const apply = async () => {
    if (!session) return;
    setSending(true);
    clearErrors(target);
    const ids = await uploadMasks(session, over, masks, target);
    setSending(false);
    if (ids) onApply(ids);
  };
  const isAlone = (n: number) => !session?.masks.some((one, m) => m !== n && over[m] === over[n] && one.covered > 0);

  return (
    <Dialog
      title={title}
      shape="full"
      onClose={close}
      testid="mask-dialog"
      actions={
        <>
          <button type="button" className="icon-button" aria-label={t("undo")} title={`${t("undo")} (Ctrl + Z)`} disabled={!mask?.changed} onClick={() => change((one) => one.undo())} data-testid="mask-undo">
            <Undo2 size={20} aria-hidden />
          </button>
          <button type="button" className="icon-button" aria-label={t("redo")} title={`${t("redo")} (Ctrl + Y)`} disabled={!mask?.redoable} onClick={() => change((one) => one.redo())} data-testid="mask-redo">
            <Redo2 size={20} aria-hidden />
          </button>
        </>
      }
    >
      {session && per.length > 1 && (
        <ul className="flex shrink-0 gap-2 overflow-x-auto border-b border-line px-4 py-2">
          {per.map((id, n) => (
            <li key={`${id} ${n}`} className="shrink-0">
              <Tab id={id} n={n} mask={session.masks[n]} alone={isAlone(n)} pressed={n === active} onPick={() => setActive(n)} />
            </li>
          ))}
        </ul>
      )}
      {background && mask ? (
        <MaskBoard background={background} masks={shared} active={active} tool={tool} version={version} onStroke={(stroke) => change((one) => one.do(stroke))} />
      ) : (
        <p className="flex flex-1 items-center justify-center p-4 text-soft" role={error ? "alert" : "status"}>
          {error ?? t("run.reading")}
        </p>
      )}
      <div className="shrink-0 border-t border-line px-4 pt-[0.6rem] pb-[calc(0.6rem+env(safe-area-inset-bottom))]">
        {leaving ? (
          <div className="flex flex-wrap items-center gap-2" role="alert">
            <p className="min-w-48 flex-1">{t("mask.leave")}</p>
            <button type="button" className="button" onClick={() => setLeaving(false)}>
              {t("mask.stay")}
            </button>
            <button type="button" className="button-bad" onClick={onClose} data-testid="mask-leave">
              {t("mask.throw")}
            </button>
          </div>
        ) : (
          <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
            <Tools tool={tool} onTool={setTool} onEdit={(edit) => change((one) => one.do(edit))} />
            <button type="button" className="button-main max-sm:w-full" disabled={!session || sending} onClick={() => void apply()} data-testid="mask-apply">
              {t(sending ? "mask.sending" : "mask.apply")}
            </button>
          </div>
        )}
        <UploadList target={target} />
      </div>
    </Dialog>
  );
}

interface TabProps { id: string; n: number; mask: MaskCanvas | undefined; alone: boolean; pressed: boolean; onPick: () => void }

/** A picture whose mask is painted, with its colour and how much it covers. */
function Tab({ id, n, mask, alone, pressed, onPick }: TabProps) {
  const { t } = useI18n();
  const covered = mask?.covered ?? 0;
  // Anything painted counts as at least one percent.
  const share = covered > 0 ? t("mask.share", { n: Math.max(1, Math.round(100 * covered)) }) : t(alone ? "mask.all" : "mask.rest");
  return (
    <button
      type="button"
      className="flex items-center gap-2 overflow-hidden rounded-md border border-edge py-[0.2rem] pr-[0.7rem] pl-[0.2rem] aria-pressed:border-seal aria-pressed:bg-tint aria-pressed:shadow-[inset_0_0_0_1px_var(--seal)]"
      aria-pressed={pressed}
      aria-label={`${t("image.nth", { n: n + 1 })}: ${share}`}
      onClick={onPick}
      data-testid={`mask-tab-${n + 1}`}
    >
      <Picture src={thumbUrl(id, 256)} alt="" className="size-10 object-cover" />
      <span className="size-3 rounded-full border border-line" style={{ background: colourOf(n) }} aria-hidden />
      <span className="text-sm tabular-nums">{share}</span>
    </button>
  );
}
