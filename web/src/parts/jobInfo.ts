/** How a job is named and what it made. */

import type { Job, ModelInfo, Output } from "../api/types";
import { currentI18n } from "../i18n";
import { methodOf } from "../store/queries";

/** The title of a job's method in the user's language. */
export const titleOf = (job: Job): string => {
  const method = methodOf(job.method);
  return method ? currentI18n().w(method.title) : job.method;
};

/** A choice's label without the note in brackets at its end. */
const withoutNote = (label: string): string => label.replace(/\s*[(\uff08][^()\uff08\uff09]*[)\uff09]\s*$/, "") || label;

/** Choices that turn something off. */
const OFF = new Set<unknown>(["no", "none"]);

/** A name that tells a job from its siblings: its method and its first choice. */
export const nameOf = (job: Job): string => {
  const field = methodOf(job.method)?.fields.find((one) => one.kind === "choice" && one.group === "basic" && !OFF.has(job.params[one.name]));
  const chosen = field?.choices.find((choice) => choice.value === job.params[field.name]);
  return chosen ? `${titleOf(job)} · ${withoutNote(currentI18n().w(chosen.label))}` : titleOf(job);
};

export const isImage = (output: Output): boolean => output.media_type.startsWith("image/");
export const isVideo = (output: Output): boolean => output.media_type.startsWith("video/") || output.media_type === "image/gif";

/** The picture a job started from, to compare with; null if it did not start from one. */
export function inputOf(job: Job): string | null {
  const subject = job.params[methodOf(job.method)?.subject ?? ""];
  return typeof subject === "string" && job.inputs.includes(subject) ? subject : null;
}

/** The name of the model that a training job makes; undefined for other jobs. */
export const trainedModel = (job: Job): ModelInfo["name"] | undefined => {
  const method = methodOf(job.method);
  const name = method?.family === "train" ? job.params[method.subject] : undefined;
  return typeof name === "string" ? name : undefined;
};

export const isTraining = (job: Job): boolean => methodOf(job.method)?.family === "train";
