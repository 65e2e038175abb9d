"""Which two terms of a sum of shifted nodes stand together in how many columns."""

from dataclasses import dataclass

import numpy as np

from ngtbench.kernels.fpga.adders import Adders, Terms
from ngtbench.model.workload import Array

MOST_PAIRS = 2**22  # beyond, a term is paired with those next to it only: costs are the same within 0.1 %
_SHIFTS = 64
_SLOTS = 2**20
_LEAST_OVERLAP = 0.25  # terms that do not overlap cost an adder nonetheless


@dataclass(frozen=True)
class Pairs:
    """Patterns that score near the best, and where they occur: pairs first[start:stop], second[start:stop] of terms."""

    first: Array
    second: Array
    start: Array
    stop: Array
    weight: Array  # bits in which the two terms overlap
    score: Array
    best: float
    same: Array  # both terms are the same node, so that occurrences may overlap

    def occurrences(self, pattern: int, used: Array) -> tuple[Array, Array]:
        """Return the pairs of a pattern that share no term with each other, nor with those used."""
        at = slice(self.start[pattern], self.stop[pattern])
        first, second = self.first[at], self.second[at]
        free = ~(used[first] | used[second])
        first, second = first[free], second[free]
        if self.same[pattern]:
            taken, kept = set[int](), list[int]()
            for place, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
                if taken.isdisjoint(pair):
                    taken.update(pair)
                    kept.append(place)
            first, second = first[kept], second[kept]
        return first, second


def pairs(terms: Terms, adders: Adders, threshold: float) -> Pairs | None:
    """Return the patterns of ordered terms that occur twice or more and score at least `threshold` of the best."""
    count = len(terms.node)
    after = np.searchsorted(terms.column, terms.column, side="right") - np.arange(count) - 1
    after = np.minimum(after, MOST_PAIRS // max(count, 1))
    first = np.repeat(np.arange(count), after)
    second = np.arange(len(first)) - np.repeat(np.cumsum(after) - after, after) + first + 1
    nodes, shift = len(adders.bits), terms.shift[second] - terms.shift[first]
    key = ((terms.node[first] * nodes + terms.node[second]) * _SHIFTS + shift) * 2 + (terms.sign[first] != terms.sign[second])
    slot = (key * -7046029254386353131 >> 40) & (_SLOTS - 1)  # a multiplicative hash: bounds counts without sorting all pairs
    bound = np.bincount(slot, minlength=_SLOTS)[slot]
    often = np.flatnonzero(bound >= 2)
    if not often.size:
        return None
    bits = np.array(adders.bits)
    overlap = np.minimum(bits[terms.node[first[often]]] - shift[often], bits[terms.node[second[often]]])
    weight = np.maximum(overlap, _LEAST_OVERLAP)
    return _best(first, second, key, often, bound[often] * weight, weight, terms, threshold)


def _best(
    first: Array, second: Array, key: Array, often: Array, bound: Array, weight: Array, terms: Terms, threshold: float
) -> Pairs | None:
    """Count exactly those patterns whose bound allows a place near the best."""
    least = float(bound.max())
    while True:
        chosen = np.flatnonzero(bound >= threshold * least)
        chosen = chosen[np.argsort(key[often[chosen]], kind="stable")]
        keys = key[often[chosen]]
        start = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        stop = np.append(start[1:], len(keys))
        weights = weight[chosen[start]]
        score = np.where(stop - start >= 2, (stop - start) * weights, 0.0)
        best = float(score.max())
        if best >= least or len(chosen) == len(often):
            break
        least = best
    if best == 0:
        return None
    at = often[chosen]
    same = terms.node[first[at[start]]] == terms.node[second[at[start]]]
    return Pairs(first[at], second[at], start, stop, weights, score, best, same)
