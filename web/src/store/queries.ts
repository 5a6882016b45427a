/** What the server knows, cached by TanStack Query. The event stream (`events.ts`) keeps the cache current, so nothing is polled. */

import { QueryClient, skipToken, useInfiniteQuery, useQuery, type InfiniteData } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { ApiError } from "../api/client";
import { api, type JobFilter } from "../api/requests";
import type { Health, Job, JobList, Method, ModelInfo, Queue, StyleInfo } from "../api/types";
import { connection } from "./connection";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Infinity,
      // Without an answer the event stream breaks too, and asks for everything again when it is back.
      retry: (count, error) => count < 2 && error instanceof ApiError && error.status >= 500,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      // The studio usually runs on this machine and answers without a network.
      networkMode: "always",
    },
  },
});

export const keys = {
  methods: ["methods"],
  models: ["models"],
  styles: ["styles"],
  health: ["health"],
  queue: ["queue"],
  job: (id: string) => ["job", id],
  preview: (id: string) => ["preview", id],
  lists: ["jobs", "list"],
  list: (filter: JobFilter) => ["jobs", "list", filter],
  pages: ["jobs", "pages"],
  pagesOf: (filter: JobFilter) => ["jobs", "pages", filter],
} as const;

// Jobs of this session stay: the news of a job's end compares it with what was known before.
queryClient.setQueryDefaults(["job"], { gcTime: Infinity });

export const queueQuery = { queryKey: keys.queue, queryFn: api.queue };
const methodsQuery = { queryKey: keys.methods, queryFn: (): Promise<Method[]> => api.methods() };
const modelsQuery = { queryKey: keys.models, queryFn: api.models };
const healthQuery = { queryKey: keys.health, queryFn: api.health };

const useReady = (): boolean => connection.use((state) => state.ready);

/** null while they load. */
export const useMethods = (): Method[] | null => useQuery({ ...methodsQuery, enabled: useReady() }).data ?? null;
/** null while they load; `fresh` asks the server once more when the component appears, as files may have been added to the folders. */
export const useModels = ({ fresh = false } = {}): ModelInfo[] | null =>
  useQuery({ ...modelsQuery, enabled: useReady(), refetchOnMount: fresh ? "always" : true }).data ?? null;
/** null while they load. Asked for once more when the form appears: the command line adds styles too. */
export const useStyles = (): StyleInfo[] | null => useQuery({ queryKey: keys.styles, queryFn: api.styles, enabled: useReady(), refetchOnMount: "always" }).data ?? null;
export const useHealth = (): Health | null => useQuery({ ...healthQuery, enabled: useReady() }).data ?? null;
export const useQueue = (): Queue | null => useQuery({ ...queueQuery, enabled: useReady() }).data ?? null;

export const methodOf = (name: string): Method | undefined => queryClient.getQueryData<Method[]>(keys.methods)?.find((method) => method.name === name);
export const cachedModels = (): ModelInfo[] => queryClient.getQueryData<ModelInfo[]>(keys.models) ?? [];
/** Whether a model is on this machine or can be pulled; true while the list is not known. */
export const isModelHere = (name: string): boolean =>
  queryClient.getQueryData<ModelInfo[]>(keys.models)?.some((model) => model.name === name) ?? true;
export const uploadLimit = (): number | undefined => queryClient.getQueryData<Health>(keys.health)?.limits.upload_bytes;

export const reloadModels = (): Promise<void> => queryClient.invalidateQueries({ queryKey: keys.models });

/** Loads what every page needs. */
export async function preload(): Promise<void> {
  await Promise.allSettled([queryClient.query(methodsQuery), queryClient.query(modelsQuery), queryClient.query(healthQuery)]);
}

export const jobQuery = (id: string) => ({
  queryKey: keys.job(id),
  queryFn: () => api.job(id),
  // An answer that was overtaken by an event is dropped.
  structuralSharing: (before: unknown, now: unknown) => (before !== undefined && (before as Job).seq > (now as Job).seq ? before : now),
});

/** `listed` is the job as a list showed it, so that it need not be fetched again. */
export function useJob(id: string | null, listed?: Job): { job: Job | null; error: Error | null } {
  const ready = useReady();
  const query = jobQuery(id ?? "");
  const { data, error } = useQuery({ ...query, queryFn: id === null ? skipToken : query.queryFn, enabled: ready, initialData: listed });
  return { job: data ?? null, error };
}

/** The newest preview of a running or broken-off job: an image as a data URL, or null. Only events bring it. */
export const usePreview = (id: string): string | null => useQuery<string | null>({ queryKey: keys.preview(id), queryFn: skipToken }).data ?? null;

export const useJobs = (filter: JobFilter): Job[] => useQuery({ queryKey: keys.list(filter), queryFn: () => api.jobs(filter), enabled: useReady() }).data?.jobs ?? NONE;
const NONE: Job[] = [];

/** Jobs page by page, newest first. */
export const useJobPages = (filter: JobFilter) =>
  useInfiniteQuery({
    queryKey: keys.pagesOf(filter),
    queryFn: ({ pageParam }: { pageParam: string | null }) => api.jobs({ ...filter, before: pageParam }),
    initialPageParam: null,
    getNextPageParam: (page: JobList) => page.next,
    enabled: useReady(),
    // While a search runs the previous result stays, but the trash never shows what is not in it.
    placeholderData: (previous: JobPages | undefined, query) => ((query?.queryKey[2] as JobFilter | undefined)?.deleted === filter.deleted ? previous : undefined),
  });

export type JobPages = InfiniteData<JobList, string | null>;

const cachedJobs = (): Job[] => queryClient.getQueriesData<Job>({ queryKey: ["job"] }).flatMap(([, job]) => job ?? []);

/** The first of the jobs of this session that `choose` picks. */
export const useKnownJob = (choose: (jobs: Job[]) => Job | undefined): Job | undefined =>
  useSyncExternalStore((changed) => queryClient.getQueryCache().subscribe(changed), () => choose(cachedJobs()));

export const isEnded = (job: Job): boolean => job.state === "done" || job.state === "failed" || job.state === "cancelled";

export const unendedJobs = (): Job[] => cachedJobs().filter((job) => !isEnded(job));
