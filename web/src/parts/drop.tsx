/** Pictures dropped anywhere on the page, or pasted: they go to the page that is open, else onto the easel. */

import { ImageDown } from "lucide-react";
import { useEffect, useState } from "react";
import { useSpeech } from "../i18n";
import { dismiss, EASEL, send, setPhoto } from "../store/easel";
import { go } from "./route";
import { tell } from "./toasts";

type Taker = (files: File[]) => void;
let taker: Taker | null = null;

/** While mounted, the page takes dropped and pasted pictures itself. */
export function useTaker(take: Taker): void {
  useEffect(() => {
    taker = take;
    return () => {
      if (taker === take) taker = null;
    };
  });
}

let given = 0;

export async function toEasel(files: File[]): Promise<void> {
  const [file] = files;
  if (!file) return;
  const turn = (given += 1);
  dismiss(EASEL);
  const asset = await send(file, EASEL);
  // Of two pictures the last given stays, whichever arrives last.
  if (asset && turn === given) setPhoto(asset.id);
}

const imagesOf = (data: DataTransfer | null): File[] => [...(data?.files ?? [])];

export function DropAnywhere() {
  const { t } = useSpeech();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const take = (files: File[]) => {
      if (!files.length) return;
      if (taker) return taker(files);
      if (location.hash.replace(/^#\/?/, "") !== "") go("#/");
      void toEasel(files);
    };
    let depth = 0;
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const leave = () => {
      depth = Math.max(0, depth - 1);
      if (!depth) setOver(false);
    };
    const hover = (event: DragEvent) => carriesFiles(event) && event.preventDefault();
    const drop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      if (event.defaultPrevented || !carriesFiles(event)) return;
      event.preventDefault();
      take(imagesOf(event.dataTransfer));
    };
    const settle = () => {
      depth = 0;
      setOver(false);
    };
    const paste = (event: ClipboardEvent) => {
      const files = imagesOf(event.clipboardData);
      if (!files.length) return;
      event.preventDefault();
      if (files.some((file) => file.type.startsWith("image/"))) take(files.filter((file) => file.type.startsWith("image/")));
      else tell(t("image.notone"), { bad: true });
    };
    addEventListener("dragenter", enter);
    addEventListener("dragleave", leave);
    addEventListener("dragover", hover);
    addEventListener("drop", drop);
    // A field that takes the drop itself stops it there; this one still has to hear that it is over.
    addEventListener("drop", settle, true);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("dragover", hover);
      removeEventListener("drop", drop);
      removeEventListener("drop", settle, true);
      removeEventListener("paste", paste);
    };
  }, [t]);
  if (!over) return null;
  return (
    <div className="pointer-events-none fixed inset-2 z-40 flex items-center justify-center rounded-xl border-2 border-dashed border-seal bg-wall/70" aria-hidden>
      <p className="title flex items-center gap-3 rounded-lg bg-paper px-5 py-3 text-lg shadow-lg">
        <ImageDown size={22} />
        {t("drop.here")}
      </p>
    </div>
  );
}
