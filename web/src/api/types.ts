/** The API's words. Twins of `huafang/server/schemas.py`. */

export type State = "queued" | "running" | "done" | "failed" | "cancelled";
export type Kind = "text" | "long_text" | "int" | "float" | "bool" | "choice" | "numbers" | "image" | "images" | "weights";
export interface Words { en: string; zh: string }
export interface Choice { value: string; label: Words; needs: string | null; best: boolean }
export interface FieldInfo {
  name: string; kind: Kind; required: boolean; nullable: boolean; default: unknown; group: "basic" | "advanced"; label: Words; hint: Words;
  minimum: number | null; maximum: number | null; above: number | null; below: number | null; min_items: number | null; max_items: number | null;
  max_length: number | null; step: number | null; unit: string | null; choices: Choice[]; holds: string | null;
}
export interface Method {
  name: string; family: "paint" | "filter" | "style" | "colour" | "generate" | "tool"; title: Words; summary: Words;
  paper: { citation: string; url: string } | null; example: string | null; subject: string; fields: FieldInfo[];
}
export interface Asset { id: string; width: number; height: number; bytes: number; warnings: string[]; made_with: Record<string, unknown> }
export interface Progress { seq: number; done: number; total: number; figures: Record<string, number>; elapsed: number; eta: number | null }
export interface Preview { seq: number; image: string }
export interface Output { asset: string; name: string; media_type: string; width: number | null; height: number | null }
export interface Fault { code: string; message: string; hint: string | null }
export interface Job {
  id: string; method: string; params: Record<string, unknown>; state: State; priority: "interactive" | "bulk"; position: number | null;
  attempt: number; seq: number; created_at: string; started_at: string | null; finished_at: string | null; seconds: number | null;
  progress: Progress | null; cancelling: boolean; outputs: Output[]; figures: Record<string, number>; notes: string[]; error: Fault | null;
  inputs: string[]; deleted: boolean;
}
export interface JobList { jobs: Job[]; next: string | null }
export interface Queue { paused: boolean; queued: number; running: number; limit: number; jobs: Job[] }
export interface ModelInfo {
  name: string; title: string; holds: string; installed: boolean; bytes: number | null; licence: string | null; about: string | null; pullable: boolean;
}
export interface Health {
  status: "ok" | "degraded"; version: string; device: string; lanes: { name: string; kind: string; job: string | null; alive: boolean }[];
  paused: boolean; disk_free: number; limits: Record<string, number>; notices: string[];
}
export interface Problem { type: string; title: string; status: number; detail: string; code: string; hint: string | null }
