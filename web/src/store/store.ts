/** The smallest store that React can follow. */

import { useSyncExternalStore } from "react";

export interface Store<T> {
  get: () => T;
  set: (patch: Partial<T> | ((state: T) => Partial<T>)) => void;
  subscribe: (listener: () => void) => () => void;
  /** `select` must give the same object for the same state. */
  use: <S>(select: (state: T) => S) => S;
}

export function createStore<T extends object>(initial: T): Store<T> {
  let state = initial;
  const listeners = new Set<() => void>();
  const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return {
    get: () => state,
    set: (patch) => {
      state = { ...state, ...(typeof patch === "function" ? patch(state) : patch) };
      for (const listener of [...listeners]) listener();
    },
    subscribe,
    use: (select) => useSyncExternalStore(subscribe, () => select(state)),
  };
}

/** What this browser remembers under `key`; `fallback` where it remembers nothing, or something else. */
export function recall<T>(key: string, fallback: T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    const shape = (thing: unknown): string => (Array.isArray(thing) ? "list" : thing === null ? "nothing" : typeof thing);
    return value !== null && (fallback === null || shape(value) === shape(fallback)) ? (value as T) : fallback;
  } catch {
    return fallback;
  }
}

/** A full or closed storage loses convenience, not work: jobs live on the server. */
export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // see above
  }
}
