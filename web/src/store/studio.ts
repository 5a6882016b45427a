/** What the server last said: methods, models, jobs, the queue; kept up to date by one event stream that comes back by itself. */

import { api, ApiError, request } from "../api/client";
import { readEvents } from "../api/sse";
import type { Health, Job, Method, ModelInfo, Preview, Progress } from "../api/types";
import { createStore } from "./store";

interface Studio {
  methods: Method[] | null;
  models: ModelInfo[] | null;
  health: Health | null;
  jobs: Record<string, Job>;
  previews: Record<string, string>;
  /** Running jobs, then the first that wait, in order. */
  queue: string[];
  /** How many wait, those too that `queue` leaves out. */
  waiting: number;
  paused: boolean;
  link: "connecting" | "open" | "lost";
  /** The server wants a token that we do not have. */
  locked: boolean;
  /** Counts jobs that reached `done`, for whoever shows lists of them. */
  finished: number;
  /** The job that ended last while we watched. */
  lastEnded: Job | null;
}

export const studio = createStore<Studio>({
  methods: null,
  models: null,
  health: null,
  jobs: {},
  previews: {},
  queue: [],
  waiting: 0,
  paused: false,
  link: "connecting",
  locked: false,
  finished: 0,
  lastEnded: null,
});

export const ended = (job: Job): boolean => job.state === "done" || job.state === "failed" || job.state === "cancelled";

/** Takes jobs in, dropping what is older than what we have. */
export function takeJobs(jobs: Job[]): void {
  studio.set((state) => {
    const known = { ...state.jobs };
    const previews = { ...state.previews };
    let { finished, lastEnded } = state;
    for (const job of jobs) {
      const had = known[job.id];
      if (had && had.seq > job.seq) continue;
      // A state change may carry an older progress than the progress events have brought.
      const progress = had?.progress && job.progress && had.attempt === job.attempt && had.progress.seq > job.progress.seq ? had.progress : job.progress;
      known[job.id] = { ...job, progress };
      // One that broke off has nothing else to show.
      if (job.state === "done") delete previews[job.id];
      if (job.state === "done" && had && had.state !== "done") finished += 1;
      if (ended(job) && had && !ended(had)) lastEnded = job;
    }
    return { jobs: known, previews, finished, lastEnded };
  });
}

function takeProgress(id: string, progress: Progress): void {
  studio.set((state) => {
    const job = state.jobs[id];
    if (!job || ended(job) || (job.progress && job.progress.seq > progress.seq)) return {};
    return { jobs: { ...state.jobs, [id]: { ...job, progress } } };
  });
}

function takePreview(id: string, preview: Preview): void {
  studio.set((state) => {
    const job = state.jobs[id];
    return job && ended(job) ? {} : { previews: { ...state.previews, [id]: preview.image } };
  });
}

/** Forgets a job here, after it went to the trash. */
export function dropJob(id: string): void {
  studio.set((state) => {
    const jobs = { ...state.jobs };
    const previews = { ...state.previews };
    delete jobs[id];
    delete previews[id];
    return { jobs, previews };
  });
}

export async function loadQueue(): Promise<void> {
  const queue = await api.queue();
  takeJobs(queue.jobs);
  studio.set({ queue: queue.jobs.map((job) => job.id), waiting: queue.queued, paused: queue.paused });
}

export async function loadModels(): Promise<void> {
  studio.set({ models: await api.models() });
}

let queueTimer: ReturnType<typeof setTimeout> | undefined;
function queueSoon(): void {
  clearTimeout(queueTimer);
  queueTimer = setTimeout(() => void loadQueue().catch(() => undefined), 150);
}

/** After a break: what changed while nobody listened. */
async function resync(): Promise<void> {
  const [methods, health] = await Promise.all([api.methods(), api.health(), loadQueue(), loadModels()]);
  studio.set({ methods, health });
  const open = Object.values(studio.get().jobs).filter((job) => !ended(job) && !studio.get().queue.includes(job.id));
  for (const job of open) {
    try {
      takeJobs([await api.job(job.id)]);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) dropJob(job.id);
    }
  }
}

function apply(event: string, data: string): void {
  if (event === "job") {
    const job = JSON.parse(data) as Job;
    const before = studio.get().jobs[job.id];
    takeJobs([job]);
    if (before?.state !== job.state || before?.position !== job.position) queueSoon();
    const family = studio.get().methods?.find((method) => method.name === job.method)?.family;
    if ((family === "tool" || family === "train") && ended(job) && before && !ended(before)) void loadModels().catch(() => undefined);
  } else if (event === "progress") {
    const progress = JSON.parse(data) as Progress & { job: string };
    takeProgress(progress.job, progress);
  } else if (event === "preview") {
    const preview = JSON.parse(data) as Preview & { job: string };
    takePreview(preview.job, preview);
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The server sends a keep-alive every 15 s or so; three missed are a dead line. */
const QUIET_MS = 50_000;

/** Listens for as long as the page lives. */
export async function follow(): Promise<void> {
  let pause = 400;
  for (;;) {
    const stop = new AbortController();
    try {
      const response = await request("/api/events", { headers: { Accept: "text/event-stream" }, signal: stop.signal, cache: "no-store" });
      if (!response.body) throw new Error("the event stream has no body");
      const events = readEvents(response.body, QUIET_MS);
      await resync();
      studio.set({ link: "open", locked: false });
      pause = 400;
      for await (const { event, data } of events) apply(event, data);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        studio.set({ locked: true });
        // Wrong tokens are counted by the server: do not run into its limit on our own.
        pause = 15_000;
      }
    }
    stop.abort();
    studio.set({ link: "lost" });
    await sleep(pause);
    pause = Math.min(pause * 1.6, 4000);
  }
}
