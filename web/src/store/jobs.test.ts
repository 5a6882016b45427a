import { QueryObserver } from "@tanstack/react-query";
import { beforeEach, expect, test } from "vitest";
import type { Job, JobList, Queue } from "../api/types";
import { connection } from "./connection";
import { forgetJob, putJobs, putPreview, putProgress } from "./jobs";
import { keys, queryClient, type JobPages } from "./queries";

const job = (id: string, more: Partial<Job> = {}): Job => ({
  id, method: "m", params: {}, state: "running", priority: "interactive", position: null, attempt: 1, seq: 1, created_at: "2026-01-01T00:00:00Z", started_at: null, finished_at: null, seconds: null,
  progress: null, cancelling: false, outputs: [], figures: {}, notes: [], error: null, inputs: [], deleted: false, ...more,
});
const progress = (done: number, seq: number) => ({ done, total: 10, eta: null, figures: {}, seq }) as NonNullable<Job["progress"]>;
const cached = (id: string) => queryClient.getQueryData<Job>(keys.job(id));
const list = (...jobs: Job[]): JobList => ({ jobs, next: null });

beforeEach(() => {
  queryClient.clear();
  connection.set({ lastEnded: null });
});

test("an answer that an event has overtaken is dropped", () => {
  putJobs([job("a", { seq: 5, state: "done" })]);
  putJobs([job("a", { seq: 4, state: "running" })]);
  expect(cached("a")?.state).toBe("done");
});

test("progress only goes forward, and a change of state keeps the newest of the same attempt", () => {
  putJobs([job("a", { progress: progress(1, 1) })]);
  putProgress("a", progress(5, 3));
  putProgress("a", progress(2, 2));
  expect(cached("a")?.progress?.done).toBe(5);
  putJobs([job("a", { seq: 2, cancelling: true, progress: progress(1, 1) })]);
  expect(cached("a")).toMatchObject({ cancelling: true, progress: { done: 5 } });
  putJobs([job("a", { seq: 3, attempt: 2, progress: progress(0, 1) })]);
  expect(cached("a")?.progress?.done).toBe(0);
});

test("the queue shows what the events report", () => {
  queryClient.setQueryData<Queue>(keys.queue, { paused: false, queued: 0, running: 1, limit: 500, jobs: [job("a"), job("b")] });
  putProgress("b", progress(7, 1));
  expect(queryClient.getQueryData<Queue>(keys.queue)?.jobs.map((one) => one.progress?.done)).toEqual([undefined, 7]);
});

test("a job that ends is news once, and only if it was seen before", () => {
  putJobs([job("old", { state: "done" })]);
  expect(connection.get().lastEnded).toBeNull();
  putJobs([job("a")]);
  putJobs([job("a", { seq: 2, state: "failed" })]);
  expect(connection.get().lastEnded?.id).toBe("a");
});

test("a finished job drops its preview, a failed one keeps it", () => {
  for (const [id, state] of [["a", "done"], ["b", "failed"]] as const) {
    putJobs([job(id)]);
    putPreview(id, { image: "data:x", width: 1, height: 1, seq: 1 } as never);
    putJobs([job(id, { seq: 2, state })]);
  }
  expect(queryClient.getQueryData(keys.preview("a"))).toBeNull();
  expect(queryClient.getQueryData(keys.preview("b"))).toBe("data:x");
  putPreview("b", { image: "data:late" } as never);
  expect(queryClient.getQueryData(keys.preview("b"))).toBe("data:x");
});

test("a job in the trash is gone from every list", () => {
  const filter = { state: "failed", limit: 10 } as const;
  queryClient.setQueryData(keys.list(filter), list(job("a"), job("b")));
  putJobs([job("a")]);
  forgetJob("a");
  expect(cached("a")).toBeUndefined();
  expect(queryClient.getQueryData<JobList>(keys.list(filter))?.jobs.map((one) => one.id)).toEqual(["b"]);
});

test("pages on screen lose the job, hidden ones start over", () => {
  const pages: JobPages = { pages: [list(job("a"), job("b"))], pageParams: [null] };
  const shown = { state: "done", limit: 48 } as const;
  queryClient.setQueryData(keys.pagesOf(shown), pages);
  queryClient.setQueryData(keys.pagesOf({ ...shown, deleted: true }), pages);
  const stop = new QueryObserver(queryClient, { queryKey: keys.pagesOf(shown), queryFn: () => pages }).subscribe(() => undefined);
  forgetJob("a");
  stop();
  expect(queryClient.getQueryData<JobPages>(keys.pagesOf(shown))?.pages[0]?.jobs.map((one) => one.id)).toEqual(["b"]);
  expect(queryClient.getQueryData(keys.pagesOf({ ...shown, deleted: true }))).toBeUndefined();
});
