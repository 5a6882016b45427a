/** The way in: a picture on the easel, and the methods as pictures on the wall, by family. */

import { ImagePlus } from "lucide-react";
import { useRef, type CSSProperties } from "react";
import { thumbUrl } from "../api/client";
import type { Method } from "../api/types";
import { useSpeech, type Key } from "../i18n";
import { toEasel } from "../parts/drop";
import { MadeWith } from "../parts/MadeWith";
import { Picture } from "../parts/Picture";
import { roomPath } from "../parts/route";
import { Sending } from "../parts/Sending";
import { EASEL, easel, setPhoto } from "../store/easel";
import { studio } from "../store/studio";

const FAMILIES = ["paint", "filter", "colour", "generate", "style", "compare", "train"] as const;
const NONE: never[] = [];

export function Home() {
  const { t, w } = useSpeech();
  const methods = studio.use((state) => state.methods);
  const notices = studio.use((state) => state.health?.notices ?? NONE);
  return (
    <div className="mx-auto flex max-w-[88rem] flex-col gap-10 px-4 py-6 sm:px-8 sm:py-10">
      <section className="grid items-center gap-6 md:grid-cols-[1fr_minmax(18rem,26rem)]">
        <div>
          <h1 className="title text-3xl leading-tight sm:text-4xl lg:text-5xl">{t("home.title")}</h1>
          <p className="mt-3 max-w-prose text-soft">{t("home.lead")}</p>
        </div>
        <Easel />
      </section>
      {notices.map((notice) => (
        <p key={notice.en} className="note">
          {w(notice)}
        </p>
      ))}
      {methods === null ? (
        <div className="cards" aria-hidden>
          {Array.from({ length: 4 }, (_, n) => (
            <div key={n} className="waiting aspect-[4/3] rounded bg-mount" />
          ))}
        </div>
      ) : (
        <div className="families">
          {FAMILIES.map((family) => {
            const members = methods.filter((method) => method.family === family);
            return members.length ? <Family key={family} family={family} members={members} /> : null;
          })}
        </div>
      )}
    </div>
  );
}

const hanging = (members: number): string => (members > 4 ? "family-row" : members > 2 ? "family-few" : members > 1 ? "family-pair" : "");

function Family({ family, members }: { family: (typeof FAMILIES)[number]; members: Method[] }) {
  const { t, w } = useSpeech();
  return (
    <section aria-labelledby={`family-${family}`} className={hanging(members.length)} style={{ "--members": members.length } as CSSProperties}>
      <header className="mb-4 border-b border-line pb-2">
        <h2 id={`family-${family}`} className="title text-xl">
          {t(`family.${family}` as Key)}
        </h2>
        <p className="text-sm text-soft">{t(`family.${family}.about` as Key)}</p>
      </header>
      <ul className="cards">
        {members.map((method) => (
          <li key={method.name}>
            <a href={roomPath(method.name)} className="card group" data-testid={`method-card-${method.name}`}>
              <div className="card-picture">
                {method.example ? (
                  <Picture src={method.example} alt="" className="aspect-[4/3] w-full object-cover" loading="lazy" />
                ) : (
                  <div className="title flex aspect-[4/3] w-full items-center justify-center bg-mount text-5xl text-soft" aria-hidden>
                    {[...w(method.title)][0]}
                  </div>
                )}
              </div>
              <div className="px-1 pt-3">
                <h3 className="title text-lg group-hover:text-seal">{w(method.title)}</h3>
                <p className="mt-0.5 text-sm text-soft">{w(method.summary)}</p>
              </div>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Easel() {
  const { t, w } = useSpeech();
  const input = useRef<HTMLInputElement>(null);
  const photo = easel.use((state) => state.photo);
  const known = easel.use((state) => (state.photo ? state.known[state.photo] : undefined));
  return (
    <div data-testid="easel">
      <input
        ref={input}
        type="file"
        accept="image/*,video/*"
        className="sr-only"
        tabIndex={-1}
        aria-label={t("image.choose")}
        onChange={(event) => {
          void toEasel([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      {photo ? (
        <div className="frame flex">
          <Picture src={thumbUrl(photo, 256)} alt={known?.name ?? t("image.chosen")} className="size-32 shrink-0 object-cover" />
          <div className="flex min-w-0 flex-1 flex-col justify-center gap-1 px-4">
            <p className="text-xs text-soft">{t("easel.title")}</p>
            <p className="truncate font-medium">{known?.name ?? t("image.chosen")}</p>
            <p className="text-sm text-soft">{t("easel.next")}</p>
            <div className="mt-1 flex gap-3 text-sm">
              <button type="button" className="link" onClick={() => input.current?.click()}>
                {t("image.replace")}
              </button>
              <button type="button" className="link" onClick={() => setPhoto(null)}>
                {t("image.remove")}
              </button>
            </div>
          </div>
        </div>
      ) : (
        <button type="button" className="drop py-9" onClick={() => input.current?.click()}>
          <ImagePlus size={28} strokeWidth={1.5} aria-hidden />
          <span className="font-medium">{t("easel.empty")}</span>
          <span className="text-xs text-soft">{t("image.ways")}</span>
        </button>
      )}
      {known?.warnings.map((warning) => (
        <p key={warning.en} className="note mt-2">
          {w(warning)}
        </p>
      ))}
      {photo && <MadeWith id={photo} named />}
      <Sending target={EASEL} />
    </div>
  );
}
