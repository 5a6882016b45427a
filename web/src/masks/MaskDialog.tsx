/** Masks painted over a picture: where each of several others acts. */

import { Redo2, Undo2 } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { thumbUrl } from "../api/client";
import { useSpeech } from "../i18n";
import { Dialog } from "../parts/Dialog";
import { Picture } from "../parts/Picture";
import { Sending } from "../parts/Sending";
import { faultText } from "../parts/toasts";
import { dismiss, send } from "../store/easel";
import { Board, colourOf, type Tool } from "./Board";
import { bitmapOf, groundOf, type Ground } from "./ground";
import { rest, Sheet, toFile, type Deed } from "./sheet";
import { SIZES, Tools } from "./Tools";

interface Props {
  title: string;
  /** The field the masks' files are sent for. */
  target: string;
  /** What each mask lies over, and whom it is for: as many of the one as of the other. */
  over: string[];
  per: string[];
  /** The masks as they are: as many again, or fewer. */
  masks: string[];
  onApply: (masks: string[]) => void;
  onClose: () => void;
}

interface Work { grounds: Ground[]; sheets: Sheet[] }

export function MaskDialog({ title, target, over, per, masks, onApply, onClose }: Props) {
  const { t } = useSpeech();
  const { work, fault } = useWork(over, masks);
  const [active, setActive] = useState(0);
  const [tool, setTool] = useState<Tool>({ shape: "brush", erase: false, size: SIZES.first, soft: 0 });
  const [turn, setTurn] = useState(0);
  const [leaving, setLeaving] = useState(false);
  const [sending, setSending] = useState(false);
  const sheet = work?.sheets[active];
  const ground = work?.grounds[active];
  const shared = useMemo(() => new Map(work?.sheets.map((one, n) => [n, one] as const).filter(([n]) => over[n] === over[active])), [work, active]);

  const change = (what: (sheet: Sheet) => void) => {
    if (!sheet || sending) return;
    what(sheet);
    setLeaving(false);
    setTurn((now) => now + 1);
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
    if (leaving || !work?.sheets.some((one) => one.changed)) onClose();
    else setLeaving(true);
  };
  const apply = async () => {
    if (!work) return;
    setSending(true);
    dismiss(target);
    const ids = await sent(work, over, masks, target);
    setSending(false);
    if (ids) onApply(ids);
  };

  return (
    <Dialog
      title={title}
      shape="full"
      onClose={close}
      testid="mask-dialog"
      actions={
        <>
          <button type="button" className="icon-button" aria-label={t("undo")} title={`${t("undo")} (Ctrl + Z)`} disabled={!sheet?.changed} onClick={() => change((one) => one.undo())} data-testid="mask-undo">
            <Undo2 size={20} aria-hidden />
          </button>
          <button type="button" className="icon-button" aria-label={t("redo")} title={`${t("redo")} (Ctrl + Y)`} disabled={!sheet?.redoable} onClick={() => change((one) => one.redo())} data-testid="mask-redo">
            <Redo2 size={20} aria-hidden />
          </button>
        </>
      }
    >
      {work && per.length > 1 && (
        <ul className="flex shrink-0 gap-2 overflow-x-auto border-b border-line px-4 py-2">
          {per.map((id, n) => (
            <li key={`${id} ${n}`} className="shrink-0">
              <Tab id={id} n={n} sheet={work.sheets[n]} alone={!work.sheets.some((one, m) => m !== n && over[m] === over[n] && one.covered > 0)} on={n === active} onPick={() => setActive(n)} />
            </li>
          ))}
        </ul>
      )}
      {work && ground && sheet ? (
        <Board ground={ground} sheets={shared} active={active} tool={tool} turn={turn} onMark={(mark) => change((one) => one.do(mark))} />
      ) : (
        <p className="flex flex-1 items-center justify-center p-4 text-soft" role={fault ? "alert" : "status"}>
          {fault ?? t("run.reading")}
        </p>
      )}
      <div className="mask-foot">
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
            <Tools tool={tool} onTool={setTool} onDeed={(deed: Deed) => change((one) => one.do(deed))} />
            <button type="button" className="button-main max-sm:w-full" disabled={!work || sending} onClick={() => void apply()} data-testid="mask-apply">
              {t(sending ? "mask.sending" : "mask.apply")}
            </button>
          </div>
        )}
        <Sending target={target} />
      </div>
    </Dialog>
  );
}

/** One of those whose mask is painted, with its colour and how much of the picture it has. */
function Tab({ id, n, sheet, alone, on, onPick }: { id: string; n: number; sheet: Sheet | undefined; alone: boolean; on: boolean; onPick: () => void }) {
  const { t } = useSpeech();
  const covered = sheet?.covered ?? 0;
  // What is painted at all has at least one of a hundred.
  const share = covered > 0 ? t("mask.share", { n: Math.max(1, Math.round(100 * covered)) }) : t(alone ? "mask.all" : "mask.rest");
  return (
    <button type="button" className="mask-tab" aria-pressed={on} aria-label={`${t("image.nth", { n: n + 1 })}: ${share}`} onClick={onPick} data-testid={`mask-tab-${n + 1}`}>
      <Picture src={thumbUrl(id, 256)} alt="" className="size-10 object-cover" />
      <span className="size-3 rounded-full border border-line" style={{ background: colourOf(n) }} aria-hidden />
      <span className="tabular text-sm">{share}</span>
    </button>
  );
}

/** Loads what is painted over, and the masks as they are. */
function useWork(over: string[], masks: string[]): { work: Work | null; fault: string | null } {
  const [state, setState] = useState<{ work: Work | null; fault: string | null }>({ work: null, fault: null });
  useEffect(() => {
    let gone = false;
    const load = async (): Promise<Work> => {
      const found = new Map(await Promise.all([...new Set(over)].map(async (id) => [id, await groundOf(id)] as const)));
      const bases = await Promise.all(over.map((_, n) => (masks[n] ? bitmapOf(masks[n]) : null)));
      const grounds = over.map((id) => found.get(id)).filter((one) => one !== undefined);
      return { grounds, sheets: grounds.map(({ width, height }, n) => new Sheet(width, height, bases[n] ?? null)) };
    };
    load().then(
      (work) => gone || setState({ work, fault: null }),
      (error: unknown) => gone || setState({ work: null, fault: faultText(error) }),
    );
    return () => {
      gone = true;
    };
  }, []); // as it was opened
  return state;
}

/** The ids of the masks, after those that are new are sent; none where nothing is painted at all; null after a fault. A blank one gets what the others leave. */
async function sent({ grounds, sheets }: Work, over: string[], masks: string[], target: string): Promise<string[] | null> {
  if (sheets.every((sheet) => sheet.covered === 0)) return [];
  const ids: string[] = [];
  for (const [n, sheet] of sheets.entries()) {
    const { width, height, full } = grounds[n] as Ground;
    const blank = sheet.covered === 0;
    const before = masks[n];
    if (before && !blank && !sheet.changed) {
      ids.push(before);
      continue;
    }
    const others = sheets.filter((one, m) => m !== n && over[m] === over[n] && one.covered > 0);
    const asset = await send(await toFile(blank ? rest(others, width, height) : sheet.canvas, full.width, full.height, `mask-${n + 1}.png`), target);
    if (!asset) return null;
    ids.push(asset.id);
  }
  return ids;
}
