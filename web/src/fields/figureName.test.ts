import { expect, test } from "vitest";
import type { Method, Words } from "../api/types";
import { figureName } from "./figureName";

const method = {
  figures: { loss: { en: "Loss", zh: "损失" }, seed_N: { en: "Seed of picture {n}", zh: "第 {n} 张的种子" }, secret: { en: "", zh: "" }, layer_2: { en: "Second layer", zh: "第二层" } },
} as unknown as Method;
const w = (words: Words): string => words.zh;

test("figures are called what their method calls them", () => {
  expect(figureName(method, "loss", w)).toBe("损失");
  expect(figureName(method, "seed_12", w)).toBe("第 12 张的种子");
  expect(figureName(method, "layer_2", w)).toBe("第二层");
  expect(figureName(method, "secret", w)).toBe("");
});

test("a figure without a name keeps its own", () => {
  expect(figureName(method, "some_thing", w)).toBe("some thing");
  expect(figureName(undefined, "seed_1", w)).toBe("seed 1");
});
