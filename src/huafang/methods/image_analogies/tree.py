"""Approximate nearest neighbours: a k-d tree over principal components, searched best bin first (Arya & Mount 1993; Beis & Lowe 1997). Compiled."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from huafang.ops.jit import Array, inline, rows

Ints = npt.NDArray[np.int32]

LEAF = 12
"""Vectors in a leaf, at most."""
ENERGY = 0.98
"""Share of the vectors' variance that the components keep, if `COMPONENTS` of them do."""
COMPONENTS = 20
SAMPLE = 20_000
"""Vectors the components are measured on."""


class Tree(NamedTuple):
    """Node i parts its vectors at the median of one component; its children are 2 i + 1 and 2 i + 2. Leaves hold runs of `points`."""

    basis: Array
    """(D, K): a vector's components are its product with it."""
    points: Array
    """(N, K), in the order of the leaves."""
    order: Ints
    """(N,): the vectors' own numbers."""
    axis: Ints
    at: Array
    depth: int


def planted(vectors: Array, *, components: int = COMPONENTS, energy: float = ENERGY, report: Callable[[], None] = lambda: None) -> Tree:
    """The tree over `vectors` (N, D). `report` is called after each of its levels."""
    few = vectors[:: -(-len(vectors) // SAMPLE)].astype(np.float64)
    values, directions = np.linalg.eigh(np.cov(few, rowvar=False) if len(few) > 1 else np.eye(few.shape[1]))
    shares = np.cumsum(values[::-1].clip(0)) / max(values.clip(0).sum(), 1e-30)
    kept = min(components, int(np.searchsorted(shares, energy)) + 1, len(values))
    basis = np.ascontiguousarray(directions[:, ::-1][:, :kept].astype(np.float32))
    points = np.ascontiguousarray(vectors @ basis)
    depth = max(0, int(np.ceil(np.log2(max(1, len(points)) / LEAF))))
    order = np.arange(len(points), dtype=np.int32)
    axis, at = np.zeros(2**depth - 1, np.int32), np.zeros(2**depth - 1, np.float32)
    for level in range(depth):
        _part(points, order, axis, at, level)
        report()
    return Tree(basis, np.ascontiguousarray(points[order]), order, axis, at, depth)


@rows
def _part(points: Array, order: Ints, axis: Ints, at: Array, level: int) -> None:
    """Part the nodes of one level: writes their `axis` and `at`, and sorts their runs of `order`."""
    n, components = points.shape
    for node in range(2**level - 1, 2 ** (level + 1) - 1):
        first, last = _run(node, n)
        widest, spread = 0, np.float32(-1)
        for component in range(components):
            low, high = np.float32(np.inf), np.float32(-np.inf)
            for place in range(first, last):
                value = points[order[place], component]
                low, high = min(low, value), max(high, value)
            if high - low > spread:
                widest, spread = component, high - low
        part = order[first:last].copy()
        values = np.empty(last - first, np.float32)
        for place in range(last - first):
            values[place] = points[part[place], widest]
        sort = np.argsort(values)
        for place in range(last - first):
            order[first + place] = part[sort[place]]
        axis[node], at[node] = widest, values[sort[(last - first) // 2]]


@inline
def _run(node: int, n: int) -> tuple[int, int]:
    """First and last (exclusive) of the points below a node: each node's first half goes to its left child."""
    path, level = node + 1, 0
    while path >> (level + 1):
        level += 1
    first, last = 0, n
    for step in range(level - 1, -1, -1):
        middle = first + (last - first) // 2
        if (path >> step) & 1:
            first = middle
        else:
            last = middle
    return first, last


@inline
def nearest(point: Array, points: Array, axis: Ints, at: Array, depth: int, leaves: int, nodes: Ints, bounds: Array) -> int:
    """The place in `points` of the nearest to `point` (K,) among the `leaves` most promising leaves; of them all, the nearest.

    `nodes` and `bounds` are scratch memory, for `leaves` · (depth + 1) nodes that are still to be looked at.
    """
    waiting, looked = 1, 0
    nodes[0], bounds[0] = 0, 0.0
    best, nearest_at = np.float32(np.inf), 0
    while waiting and looked < leaves:
        chosen = 0
        for n in range(1, waiting):
            if bounds[n] < bounds[chosen]:
                chosen = n
        node, bound = nodes[chosen], bounds[chosen]
        if bound >= best:
            break
        waiting -= 1
        nodes[chosen], bounds[chosen] = nodes[waiting], bounds[waiting]
        while node < len(axis):
            apart = point[axis[node]] - at[node]
            far = max(bound, apart * apart)
            if far < best:
                nodes[waiting], bounds[waiting] = (2 * node + 1 if apart >= 0 else 2 * node + 2), far
                waiting += 1
            node = 2 * node + 2 if apart >= 0 else 2 * node + 1
        first, last = _run(node, len(points))
        for place in range(first, last):
            total = np.float32(0)
            for component in range(len(point)):
                difference = points[place, component] - point[component]
                total += difference * difference
            if total < best:
                best, nearest_at = total, place
        looked += 1
    return nearest_at
