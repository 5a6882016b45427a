/** Server-sent events over `fetch`, which, unlike EventSource, can carry a token. https://html.spec.whatwg.org/multipage/server-sent-events.html */

export interface ServerEvent { event: string; data: string; id: string | null }

/** Cuts a stream of text into events; hold one per connection, as pieces end anywhere. */
export class EventParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private id: string | null = null;

  /** The events that `text` completes. */
  push(text: string): ServerEvent[] {
    const whole = this.rest + text;
    // A CR at the very end may be half of a CRLF: leave it for the next piece.
    const lines = whole.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.line(line));
  }

  private line(line: string): ServerEvent[] {
    if (line === "") return this.dispatch();
    if (line.startsWith(":")) return [];
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.event = value;
    else if (name === "data") this.data.push(value);
    else if (name === "id") this.id = value;
    return [];
  }

  private dispatch(): ServerEvent[] {
    const complete = this.data.length ? [{ event: this.event || "message", data: this.data.join("\n"), id: this.id }] : [];
    this.event = "";
    this.data = [];
    return complete;
  }
}

/** Events of an open response, until it closes. Throws when `quiet` ms pass with not one byte, keep-alives included. */
export async function* readEvents(body: ReadableStream<Uint8Array>, quiet: number): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error("the stream went quiet")), quiet);
      });
      const { value, done } = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer));
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
