/** Short names for the API's schemas, which `npm run api` generates from the server's OpenAPI document. */

import type { components } from "./schema";

type Schemas = components["schemas"];
export type Words = Schemas["Words"];
export type Choice = Schemas["Choice"];
export type FieldInfo = Schemas["FieldInfo"];
/** Without the params' JSON Schema: the forms are made from `fields`. */
export type Method = Omit<Schemas["Method"], "schema">;
export type Asset = Schemas["Asset"];
export type Progress = Schemas["Progress"];
export type Preview = Schemas["Preview"];
export type Output = Schemas["Output"];
export type Job = Schemas["Job"];
export type JobList = Schemas["JobList"];
export type NewJob = Schemas["NewJob"];
export type Queue = Schemas["Queue"];
export type ModelInfo = Schemas["ModelInfo"];
export type StyleInfo = Schemas["StyleInfo"];
export type Health = Schemas["Health"];
export type Problem = Schemas["Problem"];
