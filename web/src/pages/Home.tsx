/** The start page: the photo to work on, and the methods as pictures on a wall, by family. */

import type { CSSProperties } from "react";
import type { Method } from "../api/types";
import { useI18n } from "../i18n";
import { methodPath } from "../lib/route";
import { Picture } from "../parts/Picture";
import { useHealth, useMethods } from "../store/queries";
import { PhotoPicker } from "./PhotoPicker";

const FAMILIES = ["paint", "filter", "colour", "generate", "style", "compare", "train"] as const;
type Family = (typeof FAMILIES)[number];

/* Families are side by side, and a small one fills the room that a larger one left. On a wide page five pictures fit in a row; otherwise a family of three has its own. */
const WALL =
  "grid grid-flow-row-dense grid-cols-2 gap-x-4 gap-y-7 min-[44rem]:grid-cols-[repeat(auto-fill,minmax(13.5rem,1fr))] min-[44rem]:gap-x-7 min-[44rem]:gap-y-9";

function spanOf(members: number): string {
  if (members > 4) return "col-span-full";
  if (members > 2) return "col-span-full min-[80rem]:[grid-column:span_var(--members)]";
  return members > 1 ? "col-span-2" : "";
}

export function Home() {
  const { t, w } = useI18n();
  const methods = useMethods();
  const health = useHealth();
  return (
    <div className="mx-auto flex max-w-[88rem] flex-col gap-10 px-4 py-6 sm:px-8 sm:py-10">
      <section className="grid items-center gap-6 md:grid-cols-[1fr_minmax(18rem,26rem)]">
        <div>
          <h1 className="title text-3xl leading-tight sm:text-4xl lg:text-5xl">{t("home.title")}</h1>
          <p className="mt-3 max-w-prose text-soft">{t("home.lead")}</p>
        </div>
        <PhotoPicker />
      </section>
      {health?.notices.map((notice) => (
        <p key={notice.en} className="note">
          {w(notice)}
        </p>
      ))}
      {methods === null ? (
        <div className="cards" aria-hidden>
          {Array.from({ length: 4 }, (_, n) => (
            <div key={n} className="aspect-[4/3] animate-breathe rounded bg-mount" />
          ))}
        </div>
      ) : (
        <div className={WALL}>
          {FAMILIES.map((family) => {
            const members = methods.filter((method) => method.family === family);
            return members.length ? <FamilySection key={family} family={family} members={members} /> : null;
          })}
        </div>
      )}
    </div>
  );
}

function FamilySection({ family, members }: { family: Family; members: Method[] }) {
  const { t } = useI18n();
  return (
    <section aria-labelledby={`family-${family}`} className={spanOf(members.length)} style={{ "--members": members.length } as CSSProperties}>
      <header className="mb-4 border-b border-line pb-2">
        <h2 id={`family-${family}`} className="title text-xl">
          {t(`family.${family}`)}
        </h2>
        <p className="text-sm text-soft">{t(`family.${family}.about`)}</p>
      </header>
      <ul className="cards">
        {members.map((method) => (
          <li key={method.name}>
            <Card method={method} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Card({ method }: { method: Method }) {
  const { w } = useI18n();
  return (
    <a href={methodPath(method.name)} className="group block rounded" data-testid={`method-card-${method.name}`}>
      <div className="overflow-hidden border border-line bg-paper p-[0.6rem] shadow-card transition-[transform,box-shadow] duration-160 group-hover:-translate-y-[3px] group-hover:shadow-card-hover">
        {method.example ? (
          <Picture src={method.example} alt="" className="aspect-[4/3] w-full object-cover" loading="lazy" />
        ) : (
          <div className="title flex aspect-[4/3] w-full items-center justify-center bg-mount text-5xl text-soft" aria-hidden>
            {Array.from(w(method.title))[0]}
          </div>
        )}
      </div>
      <div className="px-1 pt-3">
        <h3 className="title text-lg group-hover:text-seal">{w(method.title)}</h3>
        <p className="mt-0.5 text-sm text-soft">{w(method.summary)}</p>
      </div>
    </a>
  );
}
