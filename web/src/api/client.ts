/** Transport to the studio's server: same origin, the token if there is one, and every failure as an `ApiError`. */

import type { Asset, Problem } from "./types";

const TOKEN = "huafang.token";

/** Moves `#token=…` out of the address, so that it stays neither visible nor in the history, and keeps it for this tab. */
export function takeToken(): void {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found?.[1]) return;
  sessionStorage.setItem(TOKEN, decodeURIComponent(found[1]));
  history.replaceState(null, "", `${location.pathname}${location.search}#/`);
}

export const token = (): string | null => sessionStorage.getItem(TOKEN);
export const setToken = (value: string): void => sessionStorage.setItem(TOKEN, value);

/** An error answer; `status` 0 means that the server did not answer. */
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
    const body = JSON.parse(text) as Partial<Problem>;
    return new ApiError(status, body.code ?? "error", body.detail ?? body.title ?? `HTTP ${status}`, body.hint ?? null);
  } catch {
    return new ApiError(status, "error", `HTTP ${status}`);
  }
}

/** `fetch` with the token. Throws ApiError for every answer but a 2xx. */
export async function request(input: string | Request, init?: RequestInit): Promise<Response> {
  const message = new Request(input, init);
  const held = token();
  if (held) message.headers.set("Authorization", `Bearer ${held}`);
  let response: Response;
  try {
    response = await fetch(message);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "offline", "");
  }
  if (!response.ok) throw problem(response.status, await response.text());
  return response;
}

/** A random key; `crypto.randomUUID` is missing on plain-HTTP addresses of a home network. */
export const randomKey = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Uploads a file and reports progress from 0 to 1, which XMLHttpRequest can and `fetch` cannot. */
export function upload(file: Blob, name: string, onProgress: (done: number) => void): Promise<Asset> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", "/api/assets");
    const held = token();
    if (held) xhr.setRequestHeader("Authorization", `Bearer ${held}`);
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

/** Saves an output under its name. With a token the bytes are fetched first, as a link cannot send a header. */
export async function saveAsset(id: string, name: string): Promise<void> {
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
