/** Writes jobs into the query cache, from answers and from events. */

import { api, type JobFilter } from "../api/requests";
import type { Job, Preview, Progress, Queue } from "../api/types";
import { connection } from "./connection";
import { isEnded, keys, methodOf, queryClient, reloadModels, type JobPages } from "./queries";

/** At most one call of `run` every `ms`, the last one included. */
function throttled(run: () => unknown, ms: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      run();
    }, ms);
  };
}

/** Asks for the queue again and waits for it; a request under way, which may be older, is dropped. */
export const reloadQueue = (): Promise<void> => queryClient.invalidateQueries({ queryKey: keys.queue });
const reloadQueueSoon = throttled(reloadQueue, 150);
const reloadListsSoon = throttled(() => {
  void queryClient.invalidateQueries({ queryKey: keys.lists });
  void addNewestToPages();
}, 150);

const FIRST = 12;

const dropHiddenPages = (): void => queryClient.removeQueries({ queryKey: keys.pages, type: "inactive" });

/** Puts jobs that have just finished in front of the pages on screen; loading all pages again would take a request for each. Pages that are not on screen start over. */
async function addNewestToPages(): Promise<void> {
  dropHiddenPages();
  for (const query of queryClient.getQueryCache().findAll({ queryKey: keys.pages, type: "active" })) {
    const filter = query.queryKey[2] as JobFilter;
    const newest = await api.jobs({ ...filter, limit: FIRST }).catch(() => null);
    if (!newest) continue;
    queryClient.setQueryData<JobPages>(query.queryKey, (data) => {
      const [first, ...rest] = data?.pages ?? [];
      if (!data || !first) return data;
      const known = new Set(data.pages.flatMap((page) => page.jobs.map((job) => job.id)));
      return { ...data, pages: [{ ...first, jobs: [...newest.jobs.filter((job) => !known.has(job.id)), ...first.jobs] }, ...rest] };
    });
  }
}

/** Keeps the first page alone, so that loading again takes one request. */
export function trimPages(): void {
  queryClient.setQueriesData<JobPages>({ queryKey: keys.pages }, (data) => data && { pages: data.pages.slice(0, 1), pageParams: data.pageParams.slice(0, 1) });
}

export const reloadPages = (): Promise<void> => {
  dropHiddenPages();
  trimPages();
  return queryClient.invalidateQueries({ queryKey: keys.pages });
};

const inQueue = (id: string): Job | undefined => queryClient.getQueryData<Queue>(keys.queue)?.jobs.find((job) => job.id === id);
const known = (id: string): Job | undefined => queryClient.getQueryData<Job>(keys.job(id)) ?? inQueue(id);

function write(job: Job): void {
  queryClient.setQueryData<Job>(keys.job(job.id), job);
  if (inQueue(job.id)) queryClient.setQueryData<Queue>(keys.queue, (queue) => queue && { ...queue, jobs: queue.jobs.map((one) => (one.id === job.id ? job : one)) });
}

/** Stores jobs, dropping what is older than what is known. */
export function putJobs(jobs: Job[]): void {
  for (const job of jobs) {
    const before = known(job.id);
    if (before && before.seq > job.seq) continue;
    // A change of state may carry older progress than the progress events have brought.
    const progress = before?.progress && job.progress && before.attempt === job.attempt && before.progress.seq > job.progress.seq ? before.progress : job.progress;
    write({ ...job, progress });
    if (before?.state !== job.state || before.position !== job.position) reloadQueueSoon();
    // A failed or cancelled job has nothing but its preview to show.
    if (job.state === "done" && queryClient.getQueryData(keys.preview(job.id))) queryClient.setQueryData(keys.preview(job.id), null);
    if (before && !isEnded(before) && isEnded(job)) onEnd(job);
  }
}

function onEnd(job: Job): void {
  connection.set({ lastEnded: job });
  reloadListsSoon();
  const family = methodOf(job.method)?.family;
  if (family === "tool" || family === "train") void reloadModels();
}

export function putProgress(id: string, progress: Progress): void {
  const job = known(id);
  if (!job || isEnded(job) || (job.progress && job.progress.seq > progress.seq)) return;
  write({ ...job, progress });
}

export function putPreview(id: string, preview: Preview): void {
  const job = known(id);
  if (!job || !isEnded(job)) queryClient.setQueryData<string | null>(keys.preview(id), preview.image);
}

/** Forgets a job that was moved to the trash. */
export function forgetJob(id: string): void {
  const without = (jobs: Job[]) => jobs.filter((job) => job.id !== id);
  queryClient.removeQueries({ queryKey: keys.job(id) });
  // The trash has one more now.
  dropHiddenPages();
  queryClient.setQueriesData<{ jobs: Job[] }>({ queryKey: keys.lists }, (list) => list && { ...list, jobs: without(list.jobs) });
  queryClient.setQueriesData<JobPages>({ queryKey: keys.pages }, (data) => data && { ...data, pages: data.pages.map((page) => ({ ...page, jobs: without(page.jobs) })) });
}
