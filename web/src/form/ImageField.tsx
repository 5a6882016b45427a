/** One picture, or several: dropped, pasted, picked, with the upload's progress and faults in words. */

import { FolderOpen, ImagePlus, X } from "lucide-react";
import { useId, useRef, useState } from "react";
import { thumbUrl } from "../api/client";
import type { FieldInfo } from "../api/types";
import { useSpeech } from "../i18n";
import { Picture } from "../parts/Picture";
import { MadeWith } from "../parts/MadeWith";
import { Sending } from "../parts/Sending";
import { dismiss, easel, queueUp, send } from "../store/easel";

interface Props {
  field: FieldInfo; value: string[]; limit: number; onChange: (ids: string[]) => void; describedBy: string | undefined; invalid: boolean; large: boolean;
  /** What the form holds by now, wherever the visitor has gone meanwhile. */
  now: () => string[];
  /** What each of several stands for, shown in its corner. */
  corners?: string[];
}

/** A field of more than this many is an album: it takes whole folders, and shows a few of its pictures. */
const ALBUM = 16;
/** Pictures of an album that are sent at a time, those that are shown, and how often the form hears of new ones, in milliseconds. */
const AT_ONCE = 3;
const ON_SHOW = 11;
const EVERY = 500;

/** How often pictures were given to a field, by its name. */
const turns = new Map<string, number>();

/** Uploads `files` and puts them behind, or in place of, what the field holds. Where one fits, the last given wins, not the last to arrive. */
export async function addPictures(files: File[], field: FieldInfo, limit: number, now: () => string[], onChange: (ids: string[]) => void): Promise<void> {
  const target = field.name;
  const turn = (turns.get(target) ?? 0) + 1;
  turns.set(target, turn);
  dismiss(target);
  const coming = files.slice(0, limit);
  queueUp(target, coming.length);
  const arrived: string[] = [];
  let told = performance.now();
  const tell = () => {
    const fresh = arrived.splice(0);
    told = performance.now();
    if (!fresh.length) return;
    // Of pictures one is enough; masks stand for what they lie over, and two may be alike.
    const others = now().filter((id) => field.kind === "masks" || !fresh.includes(id));
    const all = [...others, ...(field.kind === "masks" ? fresh : new Set(fresh))];
    onChange(limit === 1 ? fresh : all.slice(-limit));
  };
  const lane = async () => {
    for (let file = coming.shift(); file; file = coming.shift()) {
      queueUp(target, -1);
      const asset = await send(file, target);
      if (!asset || (limit === 1 && turns.get(target) !== turn)) continue;
      arrived.push(asset.id);
      if (limit <= ALBUM || performance.now() - told > EVERY) tell();
    }
  };
  await Promise.all(Array.from({ length: limit > ALBUM ? AT_ONCE : 1 }, lane));
  tell();
}

export function ImageField({ field, value, now, limit, onChange, describedBy, invalid, large, corners }: Props) {
  const { t, w } = useSpeech();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const known = easel.use((state) => state.known);
  const id = useId();
  const add = (files: File[]) => {
    if (files.length) void addPictures(files, field, limit, now, onChange);
  };
  const room = value.length < limit;
  const album = limit > ALBUM;
  const shown = album && value.length > ON_SHOW + 1 ? value.slice(0, ON_SHOW) : value;
  const pick = (
    <button type="button" className={`drop ${large && !value.length ? "py-8" : "py-4"} ${over ? "drop-over" : ""}`} aria-describedby={describedBy} aria-invalid={invalid} onClick={() => input.current?.click()}>
      <ImagePlus size={large ? 26 : 20} strokeWidth={1.5} aria-hidden />
      <span className="font-medium">{value.length ? t(album ? "image.more.many" : "image.more") : field.kind === "masks" ? t("mask.files") : limit > 1 ? t("image.choose.many") : field.film ? t("image.choose.film") : t("image.choose")}</span>
      {large && !value.length && <span className="text-xs text-soft">{t("image.ways")}</span>}
    </button>
  );
  return (
    <div
      data-drop={field.name}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        setOver(false);
        add([...event.dataTransfer.files]);
      }}
    >
      <input
        ref={input}
        id={id}
        type="file"
        accept={field.film ? "image/*,video/*" : "image/*"}
        multiple={limit > 1}
        className="sr-only"
        tabIndex={-1}
        aria-label={w(field.label)}
        onChange={(event) => {
          add([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      {limit === 1 && value[0] ? (
        <Chosen id={value[0]} large={large} over={over} onReplace={() => input.current?.click()} onRemove={() => onChange([])} />
      ) : (
        <>
          {album && value.length > 0 && (
            <p className="tabular mb-2 flex justify-between gap-3 text-sm">
              {t("image.count", { n: value.length })}
              <button type="button" className="link" onClick={() => onChange([])}>
                {t("image.clear")}
              </button>
            </p>
          )}
          {value.length > 0 && (
            <ul className={`mb-2 grid gap-2 ${album ? "grid-cols-4" : "grid-cols-3"}`}>
              {shown.map((one, n) => (
                <li key={`${one} ${n}`} className="frame group relative">
                  <Picture src={thumbUrl(one, 256)} alt={known[one]?.name ?? t("image.nth", { n: n + 1 })} className="aspect-square w-full object-cover" />
                  {corners?.[n] && <Picture src={thumbUrl(corners[n], 256)} alt="" className="absolute bottom-1 left-1 size-7 rounded border border-paper object-cover" />}
                  <button type="button" className="icon-button chip-button absolute top-1 right-1" aria-label={t("image.remove.nth", { n: n + 1 })} onClick={() => onChange(value.filter((_, place) => place !== n))}>
                    <X size={14} aria-hidden />
                  </button>
                </li>
              ))}
              {shown.length < value.length && <li className="flex items-center justify-center rounded bg-mount text-center text-xs text-soft">{t("image.hidden", { n: value.length - shown.length })}</li>}
            </ul>
          )}
          {room && pick}
          {room && album && <Folder onFiles={add} />}
        </>
      )}
      <Sending target={field.name} />
    </div>
  );
}

/** A folder's pictures, whatever else lies in it. */
function Folder({ onFiles }: { onFiles: (files: File[]) => void }) {
  const { t } = useSpeech();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        // React knows this one by another name only.
        {...{ webkitdirectory: "" }}
        className="sr-only"
        tabIndex={-1}
        aria-label={t("image.folder")}
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])].filter((file) => file.type.startsWith("image/")));
          event.target.value = "";
        }}
      />
      <button type="button" className="button mt-2 w-full" onClick={() => input.current?.click()} data-testid="folder">
        <FolderOpen size={16} aria-hidden />
        {t("image.folder")}
      </button>
    </>
  );
}

function Chosen({ id, large, over, onReplace, onRemove }: { id: string; large: boolean; over: boolean; onReplace: () => void; onRemove: () => void }) {
  const { t, w, seconds } = useSpeech();
  const known = easel.use((state) => state.known[id]);
  return (
    <div>
      <div className={`frame flex items-stretch ${over ? "drop-over" : ""}`}>
        <Picture src={thumbUrl(id, 256)} alt={known?.name ?? t("image.chosen")} className={`${large ? "size-28" : "size-20"} shrink-0 object-cover`} />
        <div className="flex min-w-0 flex-1 flex-col justify-center gap-1 px-3 py-2">
          <p className="truncate text-sm font-medium" title={known?.name} data-testid="file-name">
            {known?.name ?? t("image.chosen")}
          </p>
          {known && known.width > 0 && (
            <p className="tabular text-xs text-soft">
              {known.width} × {known.height}
              {known.seconds != null && ` · ${seconds(known.seconds)}`}
            </p>
          )}
          <div className="flex flex-wrap gap-x-3 text-sm">
            <button type="button" className="link" onClick={onReplace}>
              {t("image.replace")}
            </button>
            <button type="button" className="link" onClick={onRemove}>
              {t("image.remove")}
            </button>
          </div>
        </div>
      </div>
      {known?.warnings.map((warning) => (
        <p key={warning.en} className="note mt-2">
          {w(warning)}
        </p>
      ))}
      <MadeWith id={id} />
    </div>
  );
}
