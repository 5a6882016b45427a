/** Pictures dropped anywhere on the page, or pasted: the open page takes them, otherwise they become the photo. */

import { ImageDown } from "lucide-react";
import { useEffect, useState } from "react";
import { useI18n } from "../i18n";
import { navigate } from "../lib/route";
import { PHOTO, setPhoto } from "../store/form";
import { clearErrors, send } from "../store/uploads";
import { showToast } from "./toasts";

type Handler = (files: File[]) => void;
let handler: Handler | null = null;

/** While mounted, the page handles dropped and pasted pictures itself. */
export function useDropHandler(handle: Handler): void {
  useEffect(() => {
    handler = handle;
    return () => {
      if (handler === handle) handler = null;
    };
  });
}

let uploadsOfPhoto = 0;

export async function uploadPhoto(files: File[]): Promise<void> {
  const [file] = files;
  if (!file) return;
  const turn = (uploadsOfPhoto += 1);
  clearErrors(PHOTO);
  const asset = await send(file, PHOTO);
  // The picture that was chosen last stays, whichever arrives last.
  if (asset && turn === uploadsOfPhoto) setPhoto(asset.id);
}

const filesOf = (data: DataTransfer | null): File[] => [...(data?.files ?? [])];

export function DropAnywhere() {
  const { t } = useI18n();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const take = (files: File[]) => {
      if (!files.length) return;
      if (handler) return handler(files);
      if (location.hash.replace(/^#\/?/, "") !== "") navigate("#/");
      void uploadPhoto(files);
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
      take(filesOf(event.dataTransfer));
    };
    const reset = () => {
      depth = 0;
      setOver(false);
    };
    const paste = (event: ClipboardEvent) => {
      const files = filesOf(event.clipboardData);
      if (!files.length) return;
      event.preventDefault();
      if (files.some((file) => file.type.startsWith("image/"))) take(files.filter((file) => file.type.startsWith("image/")));
      else showToast(t("image.notone"), { bad: true });
    };
    addEventListener("dragenter", enter);
    addEventListener("dragleave", leave);
    addEventListener("dragover", hover);
    addEventListener("drop", drop);
    // A field that takes the drop stops the event; this listener still has to know that it is over.
    addEventListener("drop", reset, true);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("dragover", hover);
      removeEventListener("drop", drop);
      removeEventListener("drop", reset, true);
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
