"""Two-input adders as they are made: the range, bits and depth of every node, what each costs, and sums as trees of them."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ngtbench.model.workload import Array

Output = tuple[int, int, int]  # node, shift, sign; node -1 is zero


@dataclass(frozen=True)
class Terms:
    """Column c is the sum over its terms of sign node 2^shift."""

    column: Array
    node: Array
    shift: Array
    sign: Array

    def only(self, these: Array) -> "Terms":
        """Return the terms that an index or mask names."""
        return Terms(self.column[these], self.node[these], self.shift[these], self.sign[these])

    def joined(self, others: Sequence["Terms"]) -> "Terms":
        """Return these terms and others, ordered by column, shift, node: so the first of any two is shifted less."""
        column, node, shift, sign = (
            np.concatenate([getattr(one, name) for one in (self, *others)]) for name in ("column", "node", "shift", "sign")
        )
        return Terms(column, node, shift, sign).only(np.lexsort((node, shift, column)))


@dataclass
class Adders:
    """The nodes so far: inputs with their ranges, then one per adder."""

    low: list[int]
    high: list[int]
    depth: list[int]
    bits: list[int] = field(init=False)
    steps: list[tuple[int, int, int, int]] = field(default_factory=list)
    cost: int = 0

    def __post_init__(self) -> None:
        self.bits = [_bits(low, high) for low, high in zip(self.low, self.high, strict=True)]

    def add(self, left: int, right: int, shift: int, sign: int) -> int:
        """Make the node left + sign right 2^shift, and return its number.

        It costs the bits from the lowest one of the shifted term on: those of `left` below it pass by.
        """
        ends = (sign * self.low[right] << shift, sign * self.high[right] << shift)
        low, high = self.low[left] + min(ends), self.high[left] + max(ends)
        self.low.append(low)
        self.high.append(high)
        self.bits.append(_bits(low, high))
        self.depth.append(max(self.depth[left], self.depth[right]) + 1)
        self.steps.append((left, right, shift, sign))
        self.cost += max(self.bits[left] - shift, self.bits[right], 1)
        return len(self.bits) - 1

    def sum(self, terms: Sequence[Output]) -> Output:
        """Make the sum of terms as a tree, always adding the two that are ready first; the narrower first among those."""
        heap = [(self.depth[node], self.bits[node] + shift, shift, node, sign) for node, shift, sign in terms]
        heapq.heapify(heap)
        while len(heap) > 1:
            (_, _, shift, left, sign), (_, _, further, right, other) = sorted(
                (heapq.heappop(heap), heapq.heappop(heap)), key=lambda term: term[2]
            )
            node = self.add(left, right, further - shift, sign * other)
            heapq.heappush(heap, (self.depth[node], self.bits[node] + shift, shift, node, sign))
        return (heap[0][3], heap[0][2], heap[0][4]) if heap else (-1, 0, 1)


def _bits(low: int, high: int) -> int:
    """Return the width of a two's complement number in this range, without a sign bit where none is needed."""
    return max(high.bit_length(), (~low).bit_length()) + 1 if low < 0 else high.bit_length()
