/** The API's endpoints, typed by the server's OpenAPI document (`npm run api`). */

import createClient from "openapi-fetch";
import { ApiError, request } from "./client";
import type { paths } from "./schema";
import type { NewJob } from "./types";

const client = createClient<paths>({ fetch: (message) => request(message) });

/** What a call answers. Error answers have been thrown by `request`. */
async function body<T>(call: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data, response } = await call;
  if (data === undefined) throw new ApiError(response.status, "error", `HTTP ${response.status} without a body`);
  return data;
}

export type JobFilter = NonNullable<paths["/api/jobs"]["get"]["parameters"]["query"]>;

export const api = {
  health: () => body(client.GET("/api/health")),
  methods: async () => (await body(client.GET("/api/methods"))).methods,
  models: async () => (await body(client.GET("/api/models"))).models,
  styles: async () => (await body(client.GET("/api/styles"))).styles,
  queue: () => body(client.GET("/api/queue")),
  pause: () => body(client.POST("/api/queue/pause")),
  resume: () => body(client.POST("/api/queue/resume")),
  jobs: (query: JobFilter) => body(client.GET("/api/jobs", { params: { query } })),
  job: (job: string) => body(client.GET("/api/jobs/{job}", { params: { path: { job } } })),
  /** The form builds `params` from the method's fields, so their types are the server's to check. */
  start: (params: Record<string, unknown>, key: string) =>
    body(client.POST("/api/jobs", { body: { params: params as NewJob["params"], priority: "interactive" }, params: { header: { "idempotency-key": key } } })),
  cancel: (job: string) => body(client.POST("/api/jobs/{job}/cancel", { params: { path: { job } } })),
  retry: (job: string) => body(client.POST("/api/jobs/{job}/retry", { params: { path: { job } } })),
  move: (job: string, before: string | null) => body(client.POST("/api/jobs/{job}/move", { params: { path: { job } }, body: { before } })),
  remove: (job: string) => body(client.DELETE("/api/jobs/{job}", { params: { path: { job } } })),
  restore: (job: string) => body(client.POST("/api/jobs/{job}/restore", { params: { path: { job } } })),
  pull: (name: string) => body(client.POST("/api/models/{name}/pull", { params: { path: { name } } })),
  renameModel: (name: string, to: string) => body(client.POST("/api/models/{name}/rename", { params: { path: { name } }, body: { name: to } })),
  restoreModel: (name: string) => body(client.POST("/api/models/{name}/restore", { params: { path: { name } } })),
  removeModel: (name: string) => body(client.DELETE("/api/models/{name}", { params: { path: { name } } })),
};
