/** Rules for the source files that neither the compiler nor the linter checks. */

import { expect, test } from "vitest";

const sources = Object.entries(import.meta.glob<string>("./**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true })).filter(
  ([path]) => !path.endsWith(".test.ts") && !path.endsWith("schema.d.ts"),
);

test("text reaches the page as text, and nothing is evaluated", () => {
  expect(sources.length).toBeGreaterThan(20);
  for (const [path, text] of sources) expect(text, path).not.toMatch(/dangerouslySetInnerHTML|\.innerHTML|\.outerHTML|document\.write|\beval\(|new Function/);
});

test("nothing is fetched from elsewhere", () => {
  for (const [path, text] of sources) {
    const addresses = [...text.matchAll(/https?:\/\/[^\s"'`)]+/g)].map((hit) => hit[0]).filter((address) => !address.startsWith("https://html.spec.whatwg.org/"));
    expect(addresses, path).toEqual([]);
  }
});

test("no method is known by name", () => {
  const methods = Object.keys(import.meta.glob("../../src/huafang/methods/*/labels.toml")).map((path) => path.split("/").at(-2) ?? "");
  expect(methods).toContain("gatys");
  // The method `compare` is called like an action on two pictures, so its name alone proves nothing.
  const names = new RegExp(methods.map((name) => (name === "compare" ? `(===|name:|method:) ?"${name}"|#/m/${name}` : name)).join("|"));
  // a model kind may be called like the method that uses it
  for (const [path, text] of sources) expect(text.replaceAll(/"holds\.\w+"/g, ""), path).not.toMatch(names);
});

test("every text for users is in the catalogues", () => {
  for (const [path, text] of sources) {
    if (path.startsWith("./i18n/")) continue;
    const code = text.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, "");
    // The product's name appears in both languages.
    expect(code.replace(/"画坊"/g, ""), path).not.toMatch(/[\u4e00-\u9fff]/);
  }
});

/** Folders from the bottom up: each may import itself and those before it, so no two import each other. */
const LAYERS = ["api", "lib", "i18n", "fields", "store", "parts", "masks", "form", "pages", "app"];

test("imports go from upper folders to lower ones", () => {
  const wrong = sources.flatMap(([path, text]) => {
    const [, own = "", ...inside] = path.split("/");
    if (!inside.length) return []; // App.tsx and main.tsx, above all folders
    const allowed = LAYERS.slice(0, LAYERS.indexOf(own) + 1);
    const imported = [...text.matchAll(/from "(\.[^"]*)"/g)].map((hit) => new URL(hit[1] ?? "", `file:///${path.slice(2)}`).pathname.split("/")[1] ?? "");
    return imported.filter((folder) => !allowed.includes(folder)).map((folder) => `${path} imports ${folder}`);
  });
  expect(wrong).toEqual([]);
});

test("no file but the catalogues is longer than 200 lines", () => {
  const styles = Object.entries(import.meta.glob<string>("./**/*.css", { query: "?raw", import: "default", eager: true }));
  expect(styles.length).toBeGreaterThan(2);
  const long = [...sources, ...styles].filter(([path, text]) => !/i18n\/(en|zh)\.ts$/.test(path) && text.trimEnd().split("\n").length > 200);
  expect(long.map(([path]) => path)).toEqual([]);
});
