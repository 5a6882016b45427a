/** A minimal store for state of the page itself. What the server knows is in the query cache (`store/queries.ts`). */

import { useSyncExternalStore } from "react";

export interface Store<T> {
  get: () => T;
  set: (patch: Partial<T> | ((state: T) => Partial<T>)) => void;
  subscribe: (listener: () => void) => () => void;
  /** `select` must return the same object for the same state. */
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

const shapeOf = (value: unknown): string => (Array.isArray(value) ? "array" : value === null ? "null" : typeof value);

/** The value saved in this browser under `key`; `fallback` if there is none, or one of another shape. */
export function loadSaved<T>(key: string, fallback: T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    return value !== null && (fallback === null || shapeOf(value) === shapeOf(fallback)) ? (value as T) : fallback;
  } catch {
    return fallback;
  }
}

/** A full or disabled localStorage loses convenience, not work: jobs are stored on the server. */
export function save(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // see above
  }
}

/** Saves the named parts of a store in this browser whenever they change; `keys` maps a part to its localStorage key. */
export function persist<T extends object>(store: Store<T>, keys: Partial<Record<keyof T, string>>): void {
  let last = store.get();
  store.subscribe(() => {
    const state = store.get();
    for (const name of Object.keys(keys) as (keyof T)[]) {
      const key = keys[name];
      if (key !== undefined && state[name] !== last[name]) save(key, state[name]);
    }
    last = state;
  });
}
