/** The current page, kept in the address's fragment: any static server can serve it, and the Back button works. */

import { useSyncExternalStore } from "react";

export type Route = { page: "home" } | { page: "method"; method: string } | { page: "gallery"; job: string | null } | { page: "models" };

function parse(hash: string): Route {
  const [page, rest] = hash.replace(/^#\/?/, "").split("/");
  if (page === "m" && rest) return { page: "method", method: decodeURIComponent(rest) };
  if (page === "gallery") return { page: "gallery", job: rest ? decodeURIComponent(rest) : null };
  if (page === "models") return { page: "models" };
  return { page: "home" };
}

let last = { hash: "", route: parse("") };
const current = (): Route => {
  if (last.hash !== location.hash) last = { hash: location.hash, route: parse(location.hash) };
  return last.route;
};

export const useRoute = (): Route =>
  useSyncExternalStore((changed) => {
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, current);

export const methodPath = (method: string): string => `#/m/${encodeURIComponent(method)}`;
export const navigate = (hash: string): void => {
  location.hash = hash;
};
