"""The graph of one event: algorithms, how long each runs, and which must end before which may begin."""

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array

_SHOWN = 80  # characters of a name in a message


@dataclass(frozen=True, eq=False)
class Graph:
    """Algorithms by number: `names`, `runtimes_s`, and `edges` (pairs producer, consumer; each once).

    Raises BadInput, naming an algorithm, for a name that is there twice, a runtime that is negative or no number, an edge to
    nowhere, twice or to itself, and for a cycle; for a graph without algorithms, and one whose runtimes have no finite sum.
    """

    names: tuple[str, ...]
    runtimes_s: Array  # (algorithms,)
    edges: Array  # (edges, 2)

    def __post_init__(self) -> None:
        if not self.names or self.runtimes_s.shape != (self.count,) or self.edges.ndim != 2 or self.edges.shape[1] != 2:
            raise BadInput(f"a graph needs an algorithm or more, a runtime of each, and pairs: {self.count} names given")
        if self.runtimes_s.dtype.kind not in "iuf" or self.edges.dtype.kind not in "iu":
            raise BadInput(
                f"runtimes of type {self.runtimes_s.dtype}, edges of {self.edges.dtype}: give numbers, and whole numbers"
            )
        self._check_names()
        self._check_edges()
        _ = self.order  # raises where there is a cycle

    @property
    def count(self) -> int:
        """Algorithms."""
        return len(self.names)

    @property
    def work_s(self) -> float:
        """Runtime of all algorithms, W."""
        return float(self.runtimes_s.sum(dtype=np.float64))  # of whole steps, too: their sum may be beyond 2^63

    @property
    def critical_s(self) -> float:
        """Runtime of the longest path, C."""
        return float(self.ranks_s.max())

    @cached_property
    def inputs(self) -> tuple[Array, ...]:
        """Producers of each algorithm."""
        return self._grouped(by=1)

    @cached_property
    def outputs(self) -> tuple[Array, ...]:
        """Consumers of each algorithm."""
        return self._grouped(by=0)

    @cached_property
    def ranks_s(self) -> Array:
        """Upward ranks: runtime of the longest path from an algorithm to the end, itself included."""
        ranks = self.runtimes_s.astype(np.float64)
        for a in reversed(self.order):
            if self.outputs[a].size:
                ranks[a] += ranks[self.outputs[a]].max()
        return ranks

    @cached_property
    def by_rank(self) -> tuple[int, ...]:
        """All algorithms, the highest upward rank first, and producers before consumers where ranks are equal."""
        place = np.empty(self.count, np.int64)
        place[list(self.order)] = np.arange(self.count)
        return tuple(int(a) for a in np.lexsort((place, -self.ranks_s)))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """All algorithms, producers before consumers, the lowest number first where there is a choice."""
        left = np.bincount(self.edges[:, 1], minlength=self.count)
        ready, found = [int(a) for a in np.flatnonzero(left == 0)], list[int]()
        while ready:
            found.append(heapq.heappop(ready))
            for b in self.outputs[found[-1]]:
                left[b] -= 1
                if left[b] == 0:
                    heapq.heappush(ready, int(b))
        if len(found) < self.count:
            raise BadInput(f"algorithm {shown(self.names[self._in_cycle(left)])} waits for itself: there is a cycle")
        return tuple(found)

    def scaled(self, factor: float) -> "Graph":
        """Return the graph with runtimes times a factor."""
        return Graph(self.names, self.runtimes_s * factor, self.edges)

    def numbers(self, algorithms: Collection[int]) -> Array:
        """Return algorithms by number, in order; raises BadInput for one that is not there."""
        for a in algorithms:
            if not isinstance(a, int | np.integer) or not 0 <= a < self.count:
                raise BadInput(f"there is no algorithm number {a!r}: there are {self.count}, counted from 0")
        return np.array(sorted(algorithms), np.int64)

    def _in_cycle(self, left: Array) -> int:
        """Return an algorithm of a cycle: what waits always waits for something that waits."""
        a, seen = int(np.flatnonzero(left)[0]), set[int]()
        while a not in seen:
            seen.add(a)
            a = int(next(p for p in self.inputs[a] if left[p]))
        return a

    def _grouped(self, by: int) -> tuple[Array, ...]:
        sorted_by = np.argsort(self.edges[:, by], kind="stable")
        ends = np.cumsum(np.bincount(self.edges[:, by], minlength=self.count))
        return tuple(np.split(self.edges[sorted_by, 1 - by], ends[:-1]))

    def _check_names(self) -> None:
        seen = set[str]()
        for name, runtime_s in zip(self.names, self.runtimes_s, strict=True):
            if name in seen:
                raise BadInput(f"algorithm {shown(name)} is there twice: names tell algorithms apart")
            if not 0 <= runtime_s < np.inf:
                raise BadInput(f"algorithm {shown(name)} runs for {runtime_s} s: give 0 or more, and finite")
            seen.add(name)
        if sum(self.runtimes_s.tolist()) == np.inf:
            raise BadInput(f"{self.count} algorithms run for more seconds in all than a number can hold")

    def _check_edges(self) -> None:
        seen = set[tuple[int, int]]()
        for a, b in self.edges.tolist():
            if not (0 <= a < self.count and 0 <= b < self.count):
                raise BadInput(f"an edge joins algorithms {a} and {b}: there are {self.count}, counted from 0")
            if a == b:
                raise BadInput(f"algorithm {shown(self.names[a])} waits for itself")
            if (a, b) in seen:
                raise BadInput(f"the edge from {shown(self.names[a])} to {shown(self.names[b])} is there twice")
            seen.add((a, b))


def made(names: Sequence[str], runtimes_s: Sequence[float], edges: Sequence[tuple[int, int]]) -> Graph:
    """Return a graph of plain lists; raises what Graph does."""
    return Graph(tuple(names), np.array(runtimes_s, np.float64), np.array(edges, np.int64).reshape(-1, 2))


def chain(runtimes_s: Sequence[float]) -> Graph:
    """Return algorithms that run one after the other."""
    count = len(runtimes_s)
    return made([f"a{k}" for k in range(count)], runtimes_s, [(k, k + 1) for k in range(count - 1)])


def fork_join(runtimes_s: Sequence[float]) -> Graph:
    """Return the first algorithm, then all between, which do not wait for each other, then the last."""
    last = len(runtimes_s) - 1
    between = range(1, last)
    return made([f"a{k}" for k in range(last + 1)], runtimes_s, [*((0, k) for k in between), *((k, last) for k in between)])


def shown(name: str) -> str:
    """Return a name as it may stand in a message: printable, and not too long."""
    return ascii(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")
