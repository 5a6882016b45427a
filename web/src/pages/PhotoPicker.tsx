/** The photo that every method starts from. */

import { ImagePlus } from "lucide-react";
import { useRef } from "react";
import { thumbUrl } from "../api/client";
import { FilePicker } from "../form/FilePicker";
import { useI18n } from "../i18n";
import { uploadPhoto } from "../parts/drop";
import { MadeWith } from "../parts/MadeWith";
import { Picture } from "../parts/Picture";
import { UploadList } from "../parts/UploadList";
import { formState, PHOTO, setPhoto } from "../store/form";
import { uploads } from "../store/uploads";

export function PhotoPicker() {
  const { t, w } = useI18n();
  const input = useRef<HTMLInputElement>(null);
  const photo = formState.use((state) => state.photo);
  const info = uploads.use((state) => (photo ? state.pictures[photo] : undefined));
  const name = info?.name ?? t("image.chosen");
  const open = () => input.current?.click();
  return (
    <div data-testid="easel">
      <FilePicker ref={input} label={t("image.choose")} video onFiles={(files) => void uploadPhoto(files)} />
      {photo ? (
        <div className="frame flex">
          <Picture src={thumbUrl(photo, 256)} alt={name} className="size-32 shrink-0 object-cover" />
          <div className="flex min-w-0 flex-1 flex-col justify-center gap-1 px-4">
            <p className="text-xs text-soft">{t("easel.title")}</p>
            <p className="truncate font-medium">{name}</p>
            <p className="text-sm text-soft">{t("easel.next")}</p>
            <div className="mt-1 flex gap-3 text-sm">
              <button type="button" className="link" onClick={open}>
                {t("image.replace")}
              </button>
              <button type="button" className="link" onClick={() => setPhoto(null)}>
                {t("image.remove")}
              </button>
            </div>
          </div>
        </div>
      ) : (
        <button type="button" className="drop-zone py-9" onClick={open}>
          <ImagePlus size={28} strokeWidth={1.5} aria-hidden />
          <span className="font-medium">{t("easel.empty")}</span>
          <span className="text-xs text-soft">{t("image.ways")}</span>
        </button>
      )}
      {info?.warnings.map((warning) => (
        <p key={warning.en} className="note mt-2">
          {w(warning)}
        </p>
      ))}
      {photo && <MadeWith id={photo} named />}
      <UploadList target={PHOTO} />
    </div>
  );
}
