/** The names of figures, as the method gives them. */

import type { Method, Words } from "../api/types";

/** What the figure is called; "" for one that is not shown. `seed_2` is called by the label of `seed_N`, in which {n} stands for 2. */
export function figureName(method: Method | undefined, figure: string, w: (words: Words) => string): string {
  const own = method?.figures[figure];
  if (own) return w(own);
  const [, stem, n] = /^(.*)_(\d+)$/.exec(figure) ?? [];
  const numbered = stem === undefined ? undefined : method?.figures[`${stem}_N`];
  return numbered && n !== undefined ? w(numbered).replace("{n}", n) : figure.replaceAll("_", " ");
}
