import { expect, test } from "vitest";
import { en } from "./en";
import { say } from "./say";
import { serverMessages, zh } from "./zh";

const slots = (text: string): string[] => [...new Set(text.split("|").flatMap((form) => [...form.matchAll(/\{(\w+)\}/g)].map((slot) => slot[1] ?? "")))].sort();

test("both catalogues say the same things", () => {
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    expect(slots(zh[key]), key).toEqual(slots(en[key]));
    expect(en[key].trim(), key).not.toBe("");
    expect(zh[key].trim(), key).not.toBe("");
  }
});

test("a Latin name stands apart in a Chinese sentence, a Chinese one does not, and no name is changed", () => {
  expect(say("zh", "models.holds", { what: "MicroAST 任意风格" })).toBe("用于 MicroAST 任意风格");
  expect(say("zh", "models.holds", { what: "快速风格" })).toBe("用于快速风格");
  expect(say("zh", "models.holds", { what: "照片2" })).toBe("用于照片2");
  expect(say("en", "models.holds", { what: "fast style" })).toBe("for fast style");
});

test("each catalogue keeps to its language, but for the name of the other", () => {
  const own = (key: string) => !key.startsWith("language.");
  for (const [key, text] of Object.entries(en)) if (own(key)) expect(text, key).not.toMatch(/[一-鿿]/);
  for (const [key, text] of Object.entries(zh)) if (own(key)) expect(text, key).toMatch(/[一-鿿]|^\{/);
});

test("a fault that the server explains is explained in Chinese, under a heading of its own", () => {
  expect(Object.keys(serverMessages).length).toBeGreaterThan(30);
  for (const [code, text] of Object.entries(serverMessages)) {
    expect(text, code).toMatch(/[一-鿿].*。$/);
    expect(code.split(".").some((_, n, parts) => `fault.${parts.slice(0, n + 1).join(".")}` in en), `${code} has no heading`).toBe(true);
  }
});
