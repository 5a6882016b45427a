/** Every request to the studio's server goes through here: same origin, the token if there is one, faults as one kind of error. */

import type { Asset, Health, Job, JobList, Method, ModelInfo, Problem, Queue } from "./types";

const TOKEN = "huafang.token";

/** Takes `#token=…` out of the address, so that it neither stays in sight nor in the history, and keeps it for this tab. */
export function takeToken(): void {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found?.[1]) return;
  sessionStorage.setItem(TOKEN, decodeURIComponent(found[1]));
  history.replaceState(null, "", location.pathname + location.search + "#/");
}

export const token = (): string | null => sessionStorage.getItem(TOKEN);
export const setToken = (value: string): void => sessionStorage.setItem(TOKEN, value);

const authorization = (): Record<string, string> => {
  const held = token();
  return held ? { Authorization: `Bearer ${held}` } : {};
};

/** What the server said no to; `status` 0 is a server that did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
  ) {
    super(message);
  }
}

function problem(status: number, text: string): ApiError {
  try {
    const said = JSON.parse(text) as Partial<Problem>;
    return new ApiError(status, said.code ?? "error", said.detail ?? said.title ?? `HTTP ${status}`, said.hint ?? null);
  } catch {
    return new ApiError(status, "error", `HTTP ${status}`);
  }
}

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers: { ...authorization(), ...init.headers } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "offline", "");
  }
  if (!response.ok) throw problem(response.status, await response.text());
  return response;
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await request(path, init)).json()) as T;
}

const post = <T>(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> =>
  json<T>(path, { method: "POST", body: body === undefined ? null : JSON.stringify(body), headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers } });

/** A random key; `crypto.randomUUID` is missing on plain-HTTP addresses of a home network. */
export const randomKey = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export interface JobFilter { state?: string; method?: string; q?: string; before?: string | null; limit?: number; deleted?: boolean }

const query = (filter: object): string => {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString()}` : "";
};

export const api = {
  health: () => json<Health>("/api/health"),
  methods: async () => (await json<{ methods: Method[] }>("/api/methods")).methods,
  models: async () => (await json<{ models: ModelInfo[] }>("/api/models")).models,
  queue: () => json<Queue>("/api/queue"),
  pause: () => post<unknown>("/api/queue/pause"),
  resume: () => post<unknown>("/api/queue/resume"),
  jobs: (filter: JobFilter) => json<JobList>(`/api/jobs${query(filter)}`),
  job: (id: string) => json<Job>(`/api/jobs/${id}`),
  start: (params: Record<string, unknown>, key: string) => post<Job>("/api/jobs", { params }, { "Idempotency-Key": key }),
  cancel: (id: string) => post<Job>(`/api/jobs/${id}/cancel`),
  retry: (id: string) => post<Job>(`/api/jobs/${id}/retry`),
  move: (id: string, before: string | null) => post<unknown>(`/api/jobs/${id}/move`, { before }),
  remove: (id: string) => request(`/api/jobs/${id}`, { method: "DELETE" }),
  restore: (id: string) => post<Job>(`/api/jobs/${id}/restore`),
  pull: (name: string) => post<Job>(`/api/models/${path(name)}/pull`),
  removeModel: (name: string) => request(`/api/models/${path(name)}`, { method: "DELETE" }),
  restoreModel: (name: string) => post<ModelInfo>(`/api/models/${path(name)}/restore`),
};

/** A model's name may hold `/`: it stays a path. */
const path = (name: string): string => name.split("/").map(encodeURIComponent).join("/");

/** Sends a picture, telling how far it is (0 to 1). `fetch` cannot tell that; XMLHttpRequest can. */
export function upload(file: Blob, name: string, onProgress: (share: number) => void): Promise<Asset> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", "/api/assets");
    for (const [key, value] of Object.entries(authorization())) xhr.setRequestHeader(key, value);
    xhr.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    xhr.onerror = () => reject(new ApiError(0, "offline", ""));
    xhr.onload = () => (xhr.status < 300 ? resolve(JSON.parse(xhr.responseText) as Asset) : reject(problem(xhr.status, xhr.responseText)));
    const form = new FormData();
    form.append("file", file, name);
    xhr.send(form);
  });
}

export const assetUrl = (id: string): string => `/api/assets/${id}`;
export const thumbUrl = (id: string, size: 256 | 512): string => `/api/assets/${id}/thumbnail?size=${size}`;

/** Saves an output under its name; with a token the bytes are fetched first, as a link cannot carry a header. */
export async function save(id: string, name: string): Promise<void> {
  const link = document.createElement("a");
  link.download = name;
  if (!token()) {
    link.href = `${assetUrl(id)}?download=${encodeURIComponent(name)}`;
    link.click();
    return;
  }
  link.href = URL.createObjectURL(await (await request(assetUrl(id))).blob());
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
