/** All that was made, newest first; a click opens the picture with everything that is known of it. */

import { Film, Images, Layers, Search, Trash2 } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { api, ApiError, thumbUrl } from "../api/client";
import type { Job } from "../api/types";
import { useSpeech } from "../i18n";
import { isFilm, isImage, methodOf, nameOf } from "../parts/act";
import { Picture } from "../parts/Picture";
import { go } from "../parts/route";
import { tellFault } from "../parts/toasts";
import { studio } from "../store/studio";
import { Detail } from "./Detail";

const PAGE = 48;

export function Gallery({ open }: { open: string | null }) {
  const { t, w } = useSpeech();
  const methods = studio.use((state) => state.methods);
  const [search, setSearch] = useState("");
  const [q, setQ] = useState("");
  const [method, setMethod] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setQ(search.trim()), 250);
    return () => clearTimeout(timer);
  }, [search]);
  const [trash, setTrash] = useState(false);
  const { jobs, more, loading, loadMore, reload, drop } = useJobs(q, method, trash);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const mark = end.current;
    if (!mark || !more) return;
    const watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && loadMore(), { rootMargin: "600px" });
    watcher.observe(mark);
    return () => watcher.disconnect();
  }, [more, loadMore]);
  const index = jobs.findIndex((job) => job.id === open);
  const show = (n: number) => {
    const job = jobs[n];
    if (job) location.replace(`#/gallery/${job.id}`);
  };
  return (
    <div className="mx-auto max-w-7xl px-4 py-6 sm:px-8">
      <div className="mb-6 flex flex-wrap items-end gap-3">
        <h1 className="title mr-auto text-3xl max-sm:w-full">{t("gallery")}</h1>
        <label className="relative min-w-0 max-sm:flex-1">
          <span className="sr-only">{t("gallery.search")}</span>
          <Search size={16} className="absolute top-1/2 left-3 -translate-y-1/2 text-soft" aria-hidden />
          <input type="search" className="input w-full pl-9 sm:w-64" placeholder={t("gallery.search")} value={search} onChange={(event) => setSearch(event.target.value)} data-testid="gallery-search" />
        </label>
        <label className="max-sm:flex-1">
          <span className="sr-only">{t("gallery.method")}</span>
          <select className="input w-full" value={method} onChange={(event) => setMethod(event.target.value)} data-testid="gallery-method">
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
        <button type="button" className="button min-h-[2.4rem]" aria-pressed={trash} onClick={() => setTrash(!trash)} data-testid="trash">
          <Trash2 size={16} aria-hidden />
          <span className="max-sm:sr-only">{t("gallery.trash")}</span>
        </button>
      </div>
      {trash && <p className="note mb-4">{t("gallery.trash.about")}</p>}
      {!jobs.length && !loading && (
        <div className="flex flex-col items-center gap-3 py-24 text-center text-soft">
          <Images size={40} strokeWidth={1.2} aria-hidden />
          <p>{q || method ? t("gallery.nothing") : trash ? t("gallery.trash.empty") : t("gallery.empty")}</p>
          {!q && !method && !trash && (
            <a href="#/" className="button">
              {t("gallery.start")}
            </a>
          )}
        </div>
      )}
      <ul className="wall" aria-busy={loading}>
        {jobs.map((job) => (
          <Tile key={job.id} job={job} />
        ))}
      </ul>
      <div ref={end} className="h-px" />
      {more && (
        <button type="button" className="button mx-auto mt-6" onClick={loadMore} disabled={loading}>
          {t("gallery.more")}
        </button>
      )}
      {open && (
        <Detail
          key={open}
          id={open}
          listed={jobs[index]}
          onPrevious={index > 0 ? () => show(index - 1) : null}
          onNext={index >= 0 && index < jobs.length - 1 ? () => show(index + 1) : null}
          onRemoved={() => {
            drop(open);
            go("#/gallery");
          }}
          onRestored={reload}
        />
      )}
    </div>
  );
}

/** Pages of finished jobs, and new ones as they come. */
function useJobs(q: string, method: string, deleted: boolean) {
  const finished = studio.use((state) => state.finished);
  const link = studio.use((state) => state.link);
  const [jobs, setJobs] = useState<Job[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [loading, setLoading] = useState(true);
  const asked = useRef(0);

  const reload = useCallback(() => {
    const turn = (asked.current += 1);
    setLoading(true);
    api.jobs({ state: "done", q, method, deleted, limit: PAGE }).then(
      (page) => {
        if (turn !== asked.current) return;
        setJobs(page.jobs);
        setNext(page.next);
        setLoading(false);
      },
      (error: unknown) => {
        if (turn !== asked.current) return;
        setLoading(false);
        if (!(error instanceof ApiError) || error.status !== 0) tellFault(error);
      },
    );
  }, [q, method, deleted]);

  useEffect(() => {
    if (link === "open") reload();
  }, [reload, link]);

  // A job that has just finished: only the first page is asked for again, and put in front.
  const seen = useRef(finished);
  useEffect(() => {
    if (seen.current === finished) return;
    seen.current = finished;
    api.jobs({ state: "done", q, method, deleted, limit: 12 }).then(
      (page) => setJobs((had) => [...page.jobs.filter((job) => !had.some((old) => old.id === job.id)), ...had]),
      () => undefined,
    );
  }, [finished, q, method, deleted]);

  const loadMore = useCallback(() => {
    if (!next || loading) return;
    const turn = asked.current;
    setLoading(true);
    api.jobs({ state: "done", q, method, deleted, limit: PAGE, before: next }).then(
      (page) => {
        if (turn !== asked.current) return;
        setJobs((had) => [...had, ...page.jobs.filter((job) => !had.some((old) => old.id === job.id))]);
        setNext(page.next);
        setLoading(false);
      },
      (error: unknown) => {
        setLoading(false);
        tellFault(error);
      },
    );
  }, [next, loading, q, method, deleted]);

  const drop = useCallback((id: string) => setJobs((had) => had.filter((job) => job.id !== id)), []);
  const shown = jobs.filter((job) => job.outputs.length > 0 && methodOf(job.method)?.family !== "tool");
  return { jobs: shown, more: next !== null, loading, loadMore, reload, drop };
}

function Tile({ job }: { job: Job }) {
  const { when } = useSpeech();
  const picture = job.outputs.find(isImage) ?? job.outputs.find(isFilm);
  const title = nameOf(job);
  return (
    <li className="tile">
      <a href={`#/gallery/${job.id}`} className="thumb relative block size-full" data-testid="gallery-item" aria-label={`${title}, ${when(job.created_at)}`}>
        {picture ? <Picture src={thumbUrl(picture.asset, 512)} alt="" className="aspect-square size-full object-cover" loading="lazy" /> : <Film size={32} className="absolute inset-0 m-auto text-soft" aria-hidden />}
        <span className="tile-label">{title}</span>
        <span className="absolute top-2 right-2 flex gap-1">
          {job.outputs.some(isFilm) && <Film size={20} className="chip p-0.5" aria-hidden />}
          {job.outputs.length > 1 && <Layers size={20} className="chip p-0.5" aria-hidden />}
        </span>
      </a>
    </li>
  );
}
