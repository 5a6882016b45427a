/** Rules of the house that no type can hold. */

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
  const rooms = Object.keys(import.meta.glob("../../src/huafang/methods/*/labels.toml")).map((path) => path.split("/").at(-2) ?? "");
  expect(rooms).toContain("gatys");
  // One room is called what a visitor does with two pictures: there the word alone says nothing.
  const names = new RegExp(rooms.map((room) => (room === "compare" ? `(===|name:|method:) ?"${room}"|#/m/${room}` : room)).join("|"));
  // a sort of weights may be called as the method that takes it
  for (const [path, text] of sources) expect(text.replaceAll(/"holds\.\w+"/g, ""), path).not.toMatch(names);
});

test("every word a visitor reads is in the catalogues", () => {
  for (const [path, text] of sources) {
    if (path.startsWith("./i18n/")) continue;
    const code = text.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, "");
    // The house's own name stands in both languages.
    expect(code.replace(/"画坊"/g, ""), path).not.toMatch(/[\u4e00-\u9fff]/);
  }
});
