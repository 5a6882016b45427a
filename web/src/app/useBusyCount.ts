import { isEnded, useQueue } from "../store/queries";

/** The number of jobs that run or wait. */
export function useBusyCount(): number {
  const queue = useQueue();
  return queue ? Math.max(queue.queued, queue.jobs.filter((job) => !isEnded(job)).length) : 0;
}
