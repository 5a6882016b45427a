/** The gallery's title, search, method filter and trash. */

import { Search, Trash2 } from "lucide-react";
import { useEffect, useState } from "react";
import { useI18n } from "../i18n";
import { useMethods } from "../store/queries";

export interface GalleryFilter { q: string; method: string; trash: boolean }

interface Props { filter: GalleryFilter; onChange: (change: (filter: GalleryFilter) => GalleryFilter) => void }

/** Milliseconds after the last key before a search starts. */
const SEARCH_MS = 250;

export function GalleryHeader({ filter, onChange }: Props) {
  const { t, w } = useI18n();
  const methods = useMethods();
  const [search, setSearch] = useState(filter.q);
  useEffect(() => {
    const timer = setTimeout(() => onChange((now) => ({ ...now, q: search.trim() })), SEARCH_MS);
    return () => clearTimeout(timer);
  }, [search, onChange]);
  return (
    <div className="mb-6 flex flex-wrap items-end gap-3">
      <h1 className="title mr-auto text-3xl max-sm:w-full">{t("gallery")}</h1>
      <label className="relative min-w-0 max-sm:flex-1">
        <span className="sr-only">{t("gallery.search")}</span>
        <Search size={16} className="absolute top-1/2 left-3 -translate-y-1/2 text-soft" aria-hidden />
        <input type="search" className="input w-full pl-9 sm:w-64" placeholder={t("gallery.search")} value={search} onChange={(event) => setSearch(event.target.value)} data-testid="gallery-search" />
      </label>
      <label className="max-sm:flex-1">
        <span className="sr-only">{t("gallery.method")}</span>
        <select className="input w-full" value={filter.method} onChange={(event) => onChange((now) => ({ ...now, method: event.target.value }))} data-testid="gallery-method">
          <option value="">{t("gallery.all")}</option>
          {methods
            ?.filter((one) => one.family !== "tool")
            .map((one) => (
              <option key={one.name} value={one.name}>
                {w(one.title)}
              </option>
            ))}
        </select>
      </label>
      <button type="button" className="button min-h-[2.4rem]" aria-pressed={filter.trash} onClick={() => onChange((now) => ({ ...now, trash: !now.trash }))} data-testid="trash">
        <Trash2 size={16} aria-hidden />
        <span className="max-sm:sr-only">{t("gallery.trash")}</span>
      </button>
    </div>
  );
}
