import { expect, test } from "vitest";
import type { FieldInfo, Method } from "../api/types";
import { check, checkForm, errorsByField, toParams } from "./check";
import { sliderRange } from "./slider";
import { initialValues, reorderMasks, restoreValues } from "./values";

const field = (name: string, more: Partial<FieldInfo> = {}): FieldInfo => ({
  name, kind: "float", required: false, nullable: false, default: null, group: "basic", label: { en: name, zh: name }, hint: { en: "", zh: "" },
  minimum: null, maximum: null, above: null, below: null, min_items: null, max_items: null, max_length: null, step: null, unit: null, choices: [], holds: null, source: null, when: null, film: false, over: null, per: null, ...more,
});
const choice = (value: string) => ({ value, label: { en: value, zh: value }, needs: null, best: false, picture: null });
const method = (...fields: FieldInfo[]): Method => ({
  name: "m", family: "paint", title: { en: "", zh: "" }, summary: { en: "", zh: "" }, paper: null, example: null, subject: "content", fields, figures: {},
});

const content = field("content", { kind: "image", required: true });
const look = field("look", { kind: "choice", default: "a", choices: [choice("a"), choice("b")] });
const opacity = field("opacity", { nullable: true, above: 0, maximum: 1 });
const seed = field("seed", { kind: "int", default: 0, minimum: 0, below: 2 ** 32 });

test("a form starts from the method's own defaults, with a seed drawn anew", () => {
  expect(initialValues(method(content, look, opacity, seed))).toEqual({ content: null, look: "a", opacity: null, seed: -1 });
});

test("saved values that no longer fit fall back, the others stay", () => {
  const values = restoreValues(method(look, opacity, seed), { look: "gone", opacity: 0.5, seed: "12", stranger: 1 });
  expect(values).toEqual({ look: "a", opacity: 0.5, seed: -1 });
});

test("ends that are out are out, ends that are in are in", () => {
  expect(check(opacity, 0, {})?.key).toBe("check.above");
  expect(check(opacity, 1, {})).toBeNull();
  expect(check(opacity, 1.01, {})?.key).toBe("check.most");
  expect(check(opacity, null, {})).toBeNull();
  expect(check(opacity, Number.NaN, {})?.key).toBe("check.number");
  expect(check(seed, -1, {})).toBeNull();
  expect(check(seed, -2, {})?.key).toBe("check.least");
  expect(check(seed, 1.5, {})?.key).toBe("check.whole");
  expect(check(seed, 2 ** 32, {})?.key).toBe("check.below");
});

test("lists are counted and their numbers looked at", () => {
  const styles = field("style", { kind: "images", required: true, min_items: 1, max_items: 2 });
  expect(check(styles, [], {})?.key).toBe("check.picture");
  expect(check(styles, ["a", "b", "c"], {})).toEqual({ key: "check.many", values: { n: 2 } });
  const radii = field("radii", { kind: "numbers", minimum: 0.5, maximum: 200 });
  expect(check(radii, [8, 4, 0.1], {})?.key).toBe("check.least");
  expect(check(radii, [8, 4], {})).toBeNull();
});

test("of several choices those that are gone are not taken over", () => {
  const several = field("several", { kind: "methods", required: true, min_items: 1, max_items: 2, choices: [choice("a"), choice("b"), choice("c")] });
  expect(initialValues(method(several))).toEqual({ several: [] });
  expect(check(several, [], {})?.key).toBe("check.required");
  expect(check(several, ["a", "b", "c"], {})).toEqual({ key: "check.many", values: { n: 2 } });
  expect(restoreValues(method(several), { several: ["b", "a"] })).toEqual({ several: ["b", "a"] });
  expect(restoreValues(method(several), { several: ["b", "gone"] })).toEqual({ several: [] });
});

test("there is a mask for each picture, or none", () => {
  const masks = field("masks", { kind: "masks", over: "content", per: "style", max_items: 16 });
  expect(initialValues(method(masks))).toEqual({ masks: [] });
  expect(check(masks, [], { style: ["a", "b"] })).toBeNull();
  expect(check(masks, ["m", "m"], { style: ["a", "b"] })).toBeNull();
  expect(check(masks, ["m"], { style: ["a", "b"] })).toEqual({ key: "check.masks", values: { n: 1, wanted: 2 } });
  expect(check(masks, ["m"], { style: [] })?.key).toBe("check.masks");
});

test("masks follow the pictures they belong to", () => {
  expect(reorderMasks(["1", "2", "3"], ["a", "b", "c"], ["c", "a"])).toEqual(["3", "1"]);
  expect(reorderMasks(["1", "2"], ["a", "b"], ["a", "b", "new"])).toEqual(["1", "2"]);
  expect(reorderMasks(["1", "2"], ["a", "b"], [])).toEqual([]);
  // What was not one for each stays as it is, to be mended by hand.
  expect(reorderMasks(["1"], ["a", "b"], ["b"])).toEqual(["1"]);
});

test("params leave out what is blank, and keep null where null means something", () => {
  const text = field("text", { kind: "text" });
  expect(toParams(method(content, text, opacity, look), { content: "id", text: "", opacity: null, look: "b" })).toEqual({ method: "m", content: "id", opacity: null, look: "b" });
});

test("a field that does not count is neither looked at nor sent when it is wrong", () => {
  const soft = field("soft", { maximum: 1, when: { field: "look", values: ["b"] } });
  const form = method(look, soft);
  expect(checkForm(form, { look: "a", soft: 7 })).toEqual({});
  expect(toParams(form, { look: "a", soft: 7 })).toEqual({ method: "m", look: "a" });
  expect(toParams(form, { look: "a", soft: 0.5 })).toEqual({ method: "m", look: "a", soft: 0.5 });
  expect(Object.keys(checkForm(form, { look: "b", soft: 7 }))).toEqual(["soft"]);
});

test("the server's sentence is cut by field", () => {
  const message = "strength: must be a number, 0 to 1 (came: 7); style.0: no such picture; allowed are a, b";
  expect(errorsByField(message, ["strength", "style"])).toEqual({
    fields: { strength: "must be a number, 0 to 1 (came: 7)", style: "no such picture; allowed are a, b" },
    rest: "",
  });
  expect(errorsByField("the queue is full", ["strength"])).toEqual({ fields: {}, rest: "the queue is full" });
});

test("a slider needs two ends; a wide range gets a logarithmic one", () => {
  expect(sliderRange(field("a", { minimum: 0 }))).toBeNull();
  expect(sliderRange(seed)).toBeNull();
  expect(sliderRange(field("a", { minimum: 0, maximum: 1, step: 0.05 }))).toEqual({ min: 0, max: 1, step: 0.05, log: false });
  expect(sliderRange(field("a", { kind: "int", minimum: 1, maximum: 5000 }))?.log).toBe(true);
  expect(sliderRange(field("a", { kind: "int", minimum: 64, maximum: 20_000, step: 64 }))?.log).toBe(true);
  expect(sliderRange(field("a", { above: 0, maximum: 0.1, step: 1e-4 }))).toMatchObject({ min: -4, max: -1, log: true });
  expect(sliderRange(field("a", { above: 0, maximum: 1, step: 0.05 }))?.log).toBe(false);
  expect(sliderRange(field("a", { kind: "int", minimum: 0, maximum: 1000 }))?.step).toBe(5);
});
