/** All pictures, newest first. A click opens one with everything that is known of it. */

import { Film, Images, Layers } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { thumbUrl } from "../api/client";
import type { Job } from "../api/types";
import { useI18n } from "../i18n";
import { navigate } from "../lib/route";
import { isImage, isVideo, nameOf } from "../parts/jobInfo";
import { Picture } from "../parts/Picture";
import { errorText, showToast } from "../parts/toasts";
import { useJobPages, useMethods } from "../store/queries";
import { Detail } from "./Detail";
import { GalleryHeader, type GalleryFilter } from "./GalleryHeader";

const PAGE = 48;

const closeDetail = () => navigate("#/gallery");

export function Gallery({ open }: { open: string | null }) {
  const { t } = useI18n();
  const [filter, setFilter] = useState<GalleryFilter>({ q: "", method: "", trash: false });
  const { jobs, loading, more, loadMore } = useFinishedJobs(filter);
  const end = useEndReached(more, loadMore);
  const index = jobs.findIndex((job) => job.id === open);
  const goTo = (n: number) => {
    const job = jobs[n];
    return job ? () => location.replace(`#/gallery/${job.id}`) : null;
  };
  return (
    <div className="mx-auto max-w-7xl px-4 py-6 sm:px-8">
      <GalleryHeader filter={filter} onChange={setFilter} />
      {filter.trash && <p className="mb-4 note">{t("gallery.trash.about")}</p>}
      {!jobs.length && !loading && <Empty filter={filter} />}
      <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(45%,13rem),1fr))] gap-3" aria-busy={loading}>
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
      {open && <Detail key={open} id={open} listed={jobs[index]} onPrevious={index > 0 ? goTo(index - 1) : null} onNext={index >= 0 ? goTo(index + 1) : null} onClose={closeDetail} />}
    </div>
  );
}

/** Finished jobs with outputs, page by page. */
function useFinishedJobs({ q, method, trash }: GalleryFilter) {
  const methods = useMethods();
  const { data, error, isPending, isFetching, hasNextPage, fetchNextPage } = useJobPages({ state: "done", q, method: method || null, deleted: trash, limit: PAGE });
  useEffect(() => {
    if (error) showToast(errorText(error), { bad: true });
  }, [error]);
  const isTool = (job: Job) => methods?.find((one) => one.name === job.method)?.family === "tool";
  const jobs = (data?.pages ?? []).flatMap((page) => page.jobs).filter((job) => job.outputs.length > 0 && !isTool(job));
  const loadMore = useCallback(() => {
    if (!isFetching) void fetchNextPage();
  }, [isFetching, fetchNextPage]);
  return { jobs, loading: isPending || isFetching, more: hasNextPage, loadMore };
}

/** Calls `loadMore` when the element with the returned ref comes near the window. */
function useEndReached(more: boolean, loadMore: () => void) {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = end.current;
    if (!element || !more) return;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && loadMore(), { rootMargin: "600px" });
    observer.observe(element);
    return () => observer.disconnect();
  }, [more, loadMore]);
  return end;
}

function Empty({ filter }: { filter: GalleryFilter }) {
  const { t } = useI18n();
  const filtered = filter.q || filter.method;
  return (
    <div className="flex flex-col items-center gap-3 py-24 text-center text-soft">
      <Images size={40} strokeWidth={1.2} aria-hidden />
      <p>{filtered ? t("gallery.nothing") : filter.trash ? t("gallery.trash.empty") : t("gallery.empty")}</p>
      {!filtered && !filter.trash && (
        <a href="#/" className="button">
          {t("gallery.start")}
        </a>
      )}
    </div>
  );
}

function Tile({ job }: { job: Job }) {
  const { when } = useI18n();
  const picture = job.outputs.find(isImage) ?? job.outputs.find(isVideo);
  const title = nameOf(job);
  return (
    <li className="group aspect-square [contain-intrinsic-size:13rem] [content-visibility:auto]">
      <a href={`#/gallery/${job.id}`} className="thumb relative block size-full" data-testid="gallery-item" aria-label={`${title}, ${when(job.created_at)}`}>
        {picture ? <Picture src={thumbUrl(picture.asset, 512)} alt="" className="aspect-square size-full object-cover" loading="lazy" /> : <Film size={32} className="absolute inset-0 m-auto text-soft" aria-hidden />}
        <span className="absolute inset-x-0 bottom-0 truncate bg-linear-to-b from-transparent to-[rgb(15_12_8/0.85)] px-[0.6rem] pt-6 pb-[0.4rem] text-[0.8125rem] text-white transition-opacity duration-120 [@media(hover:hover)]:not-group-hover:not-group-has-focus-visible:opacity-0">
          {title}
        </span>
        <span className="absolute top-2 right-2 flex gap-1">
          {job.outputs.some(isVideo) && <Film size={20} className="overlay rounded p-0.5" aria-hidden />}
          {job.outputs.length > 1 && <Layers size={20} className="overlay rounded p-0.5" aria-hidden />}
        </span>
      </a>
    </li>
  );
}
