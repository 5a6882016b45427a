/** One picture or several: dropped, pasted or chosen, with upload progress and errors. */

import { FolderOpen, ImagePlus, X } from "lucide-react";
import { useRef, useState } from "react";
import { thumbUrl } from "../api/client";
import type { FieldInfo } from "../api/types";
import { useI18n, type Key } from "../i18n";
import { Picture } from "../parts/Picture";
import { UploadList } from "../parts/UploadList";
import { uploads } from "../store/uploads";
import { addPictures, ALBUM } from "./addPictures";
import { ChosenPicture } from "./ChosenPicture";
import { FilePicker } from "./FilePicker";

interface Props {
  field: FieldInfo; value: string[]; limit: number; onChange: (ids: string[]) => void; describedBy: string | undefined; invalid: boolean; large: boolean;
  /** The form's current value, also after the user has left the page. */
  now: () => string[];
  /** For each picture another one, shown in its corner. */
  corners?: string[];
}

/** Pictures of an album that are shown. */
const MAX_SHOWN = 11;

function pickLabel(field: FieldInfo, limit: number, count: number): Key {
  if (count) return limit > ALBUM ? "image.more.many" : "image.more";
  if (field.kind === "masks") return "mask.files";
  if (limit > 1) return "image.choose.many";
  return field.film ? "image.choose.film" : "image.choose";
}

export function ImageField({ field, value, now, limit, onChange, describedBy, invalid, large, corners }: Props) {
  const { t, w } = useI18n();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const open = () => input.current?.click();
  const add = (files: File[]) => {
    if (files.length) void addPictures(files, field, limit, now, onChange);
  };
  const album = limit > ALBUM;
  const full = value.length >= limit;
  const [single] = limit === 1 ? value : [];
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
      <FilePicker ref={input} label={w(field.label)} video={field.film} multiple={limit > 1} onFiles={add} />
      {single ? (
        <ChosenPicture id={single} large={large} over={over} onReplace={open} onRemove={() => onChange([])} />
      ) : (
        <>
          {album && value.length > 0 && (
            <p className="mb-2 flex justify-between gap-3 text-sm tabular-nums">
              {t("image.count", { n: value.length })}
              <button type="button" className="link" onClick={() => onChange([])}>
                {t("image.clear")}
              </button>
            </p>
          )}
          {value.length > 0 && <Grid value={value} album={album} corners={corners} onChange={onChange} />}
          {!full && (
            <button type="button" className={`drop-zone ${large && !value.length ? "py-8" : "py-4"} ${over ? "drop-zone-over" : ""}`} aria-describedby={describedBy} aria-invalid={invalid} onClick={open}>
              <ImagePlus size={large ? 26 : 20} strokeWidth={1.5} aria-hidden />
              <span className="font-medium">{t(pickLabel(field, limit, value.length))}</span>
              {large && !value.length && <span className="text-xs text-soft">{t("image.ways")}</span>}
            </button>
          )}
          {!full && album && <FolderButton onFiles={add} />}
        </>
      )}
      <UploadList target={field.name} />
    </div>
  );
}

interface GridProps { value: string[]; album: boolean; corners: string[] | undefined; onChange: (ids: string[]) => void }

function Grid({ value, album, corners, onChange }: GridProps) {
  const { t } = useI18n();
  const pictures = uploads.use((state) => state.pictures);
  const shown = album && value.length > MAX_SHOWN + 1 ? value.slice(0, MAX_SHOWN) : value;
  return (
    <ul className={`mb-2 grid gap-2 ${album ? "grid-cols-4" : "grid-cols-3"}`}>
      {shown.map((id, n) => (
        <li key={`${id} ${n}`} className="frame relative">
          <Picture src={thumbUrl(id, 256)} alt={pictures[id]?.name ?? t("image.nth", { n: n + 1 })} className="aspect-square w-full object-cover" />
          {corners?.[n] && <Picture src={thumbUrl(corners[n], 256)} alt="" className="absolute bottom-1 left-1 size-7 rounded border border-paper object-cover" />}
          <button
            type="button"
            className="absolute top-1 right-1 inline-flex size-7 items-center justify-center rounded-md bg-overlay/75 text-white hover:bg-overlay/95"
            aria-label={t("image.remove.nth", { n: n + 1 })}
            onClick={() => onChange(value.filter((_, place) => place !== n))}
          >
            <X size={14} aria-hidden />
          </button>
        </li>
      ))}
      {shown.length < value.length && <li className="flex items-center justify-center rounded bg-mount text-center text-xs text-soft">{t("image.hidden", { n: value.length - shown.length })}</li>}
    </ul>
  );
}

/** A folder's pictures, whatever else is in it. */
function FolderButton({ onFiles }: { onFiles: (files: File[]) => void }) {
  const { t } = useI18n();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <FilePicker ref={input} label={t("image.folder")} folder onFiles={(files) => onFiles(files.filter((file) => file.type.startsWith("image/")))} />
      <button type="button" className="button mt-2 w-full" onClick={() => input.current?.click()} data-testid="folder">
        <FolderOpen size={16} aria-hidden />
        {t("image.folder")}
      </button>
    </>
  );
}
