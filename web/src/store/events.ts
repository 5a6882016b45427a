/** One event stream for as long as the page is open. It reconnects by itself and writes what it reports into the query cache. */

import { ApiError, request } from "../api/client";
import { readEvents } from "../api/sse";
import type { Job, Preview, Progress } from "../api/types";
import { connection } from "./connection";
import { forgetJob, putJobs, putPreview, putProgress, trimPages } from "./jobs";
import { jobQuery, preload, queryClient, queueQuery, unendedJobs } from "./queries";

function handle(event: string, data: string): void {
  if (event === "job") {
    putJobs([JSON.parse(data) as Job]);
  } else if (event === "progress") {
    const progress = JSON.parse(data) as Progress & { job: string };
    putProgress(progress.job, progress);
  } else if (event === "preview") {
    const preview = JSON.parse(data) as Preview & { job: string };
    putPreview(preview.job, preview);
  }
}

const loadQueue = () => queryClient.query({ ...queueQuery, staleTime: 0 });

/** After a break: everything may have changed, the server's version too. */
async function reloadAll(): Promise<void> {
  trimPages();
  await queryClient.invalidateQueries();
  const queued = new Set((await loadQueue()).jobs.map((job) => job.id));
  for (const job of unendedJobs().filter((one) => !queued.has(one.id))) {
    try {
      putJobs([await jobQuery(job.id).queryFn()]);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) forgetJob(job.id);
    }
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The server sends a keep-alive every 15 s or so; three missing ones mean a dead connection. */
const SILENCE_MS = 50_000;

/** Never returns. */
export async function followEvents(): Promise<void> {
  let pause = 400;
  for (;;) {
    const stop = new AbortController();
    try {
      const response = await request("/api/events", { headers: { Accept: "text/event-stream" }, signal: stop.signal, cache: "no-store" });
      if (!response.body) throw new Error("the event stream has no body");
      const events = readEvents(response.body, SILENCE_MS);
      const first = !connection.get().ready;
      connection.set({ ready: true, locked: false });
      await (first ? Promise.all([loadQueue(), preload()]) : reloadAll());
      connection.set({ link: "open" });
      pause = 400;
      for await (const { event, data } of events) handle(event, data);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        connection.set({ locked: true });
        // The server counts wrong tokens and shuts out whoever sends many.
        pause = 15_000;
      }
    }
    stop.abort();
    connection.set({ link: "lost" });
    await sleep(pause);
    pause = Math.min(pause * 1.6, 4000);
  }
}
