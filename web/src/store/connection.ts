/** The state of the event stream, and what it last reported. */

import type { Job } from "../api/types";
import { createStore } from "../lib/store";

interface Connection {
  link: "connecting" | "open" | "lost";
  /** The server has answered once, so queries may be sent. Before that a wrong token would be counted once for each of them. */
  ready: boolean;
  /** The server wants a token that this tab does not have. */
  locked: boolean;
  /** The job that ended last while this page was open. */
  lastEnded: Job | null;
}

export const connection = createStore<Connection>({ link: "connecting", ready: false, locked: false, lastEnded: null });
