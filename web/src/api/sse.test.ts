import { expect, test } from "vitest";
import { EventParser, readEvents } from "./sse";

test("events come whole, however the stream is cut", () => {
  const stream = ': hello\r\n\r\nevent: job\r\nid: 3\r\ndata: {"a":1}\r\n\r\nevent: progress\ndata: one\ndata:two\n\ndata: last\r\r';
  const whole = new EventParser().push(stream + "\n");
  expect(whole).toEqual([
    { event: "job", data: '{"a":1}', id: "3" },
    { event: "progress", data: "one\ntwo", id: "3" },
    { event: "message", data: "last", id: "3" },
  ]);
  for (let size = 1; size < 12; size += 1) {
    const parser = new EventParser();
    const pieces = (stream + "\n").match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
    expect(pieces.flatMap((piece) => parser.push(piece))).toEqual(whole);
  }
});

test("an event without data is none", () => {
  expect(new EventParser().push("event: job\n\n: comment\n\n")).toEqual([]);
});

const streamOf = (...pieces: Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });

test("a character cut in half by the network is put together again", async () => {
  const bytes = new TextEncoder().encode("data: 画坊\n\n");
  const seen = [];
  for await (const event of readEvents(streamOf(bytes.slice(0, 7), bytes.slice(7)), 1000)) seen.push(event.data);
  expect(seen).toEqual(["画坊"]);
});

test("a stream that goes quiet is given up", async () => {
  const silent = new ReadableStream<Uint8Array>();
  await expect(readEvents(silent, 20).next()).rejects.toThrow("quiet");
});
