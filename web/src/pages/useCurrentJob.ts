/** The job on a method's stage, also after a reload of the page. */

import { useEffect } from "react";
import { ApiError } from "../api/client";
import type { Job } from "../api/types";
import { formState, setCurrent } from "../store/form";
import { useJob } from "../store/queries";

export function useCurrentJob(method: string): { id: string | null; job: Job | null } {
  const id = formState.use((state) => state.current[method] ?? null);
  const { job, error } = useJob(id);
  const gone = job?.deleted === true || (error instanceof ApiError && error.status === 404);
  useEffect(() => {
    if (gone) setCurrent(method, null);
  }, [gone, method]);
  return { id, job: gone ? null : job };
}
