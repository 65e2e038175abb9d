"""A constant matrix times a vector in shifts and adds: common two-term subexpressions shared, greedily.

Patterns are ranked by occurrences times the bits in which both terms overlap, as in da4ml (arXiv 2507.04535), but counted in
rounds: all pairs at once, then every pattern that scores near the best of its round, where the terms are still there. That is
array work, and shares slightly more than one pattern at a time does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.adders import Adders, Output, Terms
from ngtbench.kernels.fpga.patterns import Pairs, pairs
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.multiplication import csd, whole

NEAR = 0.7  # of the best score of a round; 0.9 takes twice the rounds and shares no more
SHIFTED = 3  # registers in a row, of which yosys makes a shift register


@dataclass(frozen=True)
class AdderGraph:
    """Node i >= inputs is node[left] + sign node[right] 2^shift; an output is sign node 2^shift, and node -1 is zero."""

    inputs: int
    steps: Array  # (adders, 4): left, right, shift, sign
    outputs: Array  # (outputs, 3): node, shift, sign
    bits: Array  # of each node
    depth: Array  # adders on the longest path
    cost: int  # sum over adders of the bits in which they add: LUT, nearly
    low: Array  # ends of each node's range as adders know them: of a sum of ranges
    high: Array

    @classmethod
    def of(cls, adders: Adders, inputs: int, outputs: Sequence[Output]) -> "AdderGraph":
        """Return the graph of adders that were made, so many inputs before them, and of its outputs."""
        steps, ends = np.array(adders.steps, np.int64).reshape(-1, 4), np.array(outputs, np.int64).reshape(-1, 3)
        low, high = (np.array(end, np.int64) for end in (adders.low, adders.high))
        return cls(inputs, steps, ends, np.array(adders.bits), np.array(adders.depth), adders.cost, low, high)

    @property
    def adders(self) -> int:
        """How many two-input adders there are."""
        return len(self.steps)

    @property
    def longest(self) -> int:
        """Adders on the longest path to any output."""
        return int(max((self.depth[node] for node in self.outputs[:, 0] if node >= 0), default=0))

    def ends(self) -> tuple[Array, Array]:
        """Return the least and most of each output, as far as its last adder knows: what two terms share it does not see."""
        node, shift, sign = self.outputs.T
        low, high = (np.where(node < 0, 0, end[node] << shift) for end in (self.low, self.high))
        return np.where(sign < 0, -high, low), np.where(sign < 0, -low, high)

    def without(self, used: Array) -> "AdderGraph":
        """Return the graph in which outputs that a mask leaves out are zero, and adders that served them alone are gone."""
        outputs = np.where(used[:, None], self.outputs, (-1, 0, 1))
        live = np.zeros(len(self.bits), bool)
        live[outputs[outputs[:, 0] >= 0, 0]] = True
        for node in range(len(self.bits) - 1, self.inputs - 1, -1):
            if live[node]:
                live[self.steps[node - self.inputs, :2]] = True
        adders = Adders(*(one[: self.inputs].tolist() for one in (self.low, self.high, self.depth)))
        now = dict(enumerate(range(self.inputs))) | {-1: -1}
        for node, (left, right, shift, sign) in enumerate(self.steps.tolist(), start=self.inputs):
            if live[node]:
                now[node] = adders.add(now[left], now[right], shift, sign)
        return AdderGraph.of(adders, self.inputs, [(now[node], shift, sign) for node, shift, sign in outputs.tolist()])

    def apply(self, x: Array) -> Array:
        """Return the products (outputs, ...) of int64 inputs (inputs, ...)."""
        nodes = list(np.asarray(x, np.int64))
        for left, right, shift, sign in self.steps.tolist():
            nodes.append(nodes[left] + sign * (nodes[right] << shift))
        zero = np.zeros_like(nodes[0])
        return np.array([sign * (nodes[node] << shift) if node >= 0 else zero for node, shift, sign in self.outputs.tolist()])

    def registers(self, every: int, until: Array | None = None) -> int:
        """Return the bits that a register after each `every` levels of adders holds, inputs and outputs not counted.

        Outputs are held until so many adders later ones are there, else until the slowest is. Where a number is handed on three
        times and more and nobody reads it in between, synthesis makes a shift register of LUT.
        """
        stage = stages(self.depth, every)
        reads = [{first} for first in stage.tolist()]
        for node, (left, right, _, _) in enumerate(self.steps.tolist(), start=self.inputs):
            reads[left].add(int(stage[node]))
            reads[right].add(int(stage[node]))
        last = np.full(len(self.outputs), stage.max(initial=0)) if until is None else stages(until, every)
        for node, at in zip(self.outputs[:, 0].tolist(), last.tolist(), strict=True):
            if node >= 0:
                reads[node].add(at)
        held = [sum(gap for gap in np.diff(sorted(times)) if gap < SHIFTED) for times in reads]
        return int(np.dot(held, self.bits))


def stages(depth: Array, every: int) -> Array:
    """Return how many registers lie before numbers that are there after so many adders, one after each `every`."""
    return np.array(np.maximum(depth - 1, 0) // every)


def adder_graph(k: Array, low: Array | int, high: Array | int, ready: Array | int = 0) -> AdderGraph:
    """Return a graph of the integers k (n_in, n_out) for inputs in [low, high], numbers or one per input.

    An input may be `ready` only after so many adders, which count in the depth of what it goes into.

    Raises BadInput for weights or ends that are no integers, and where a result could leave 63 bits.
    """
    k, low, high = whole(k), whole(low), whole(high)
    if k.ndim != 2 or np.any(low > high):
        raise BadInput(f"weights of shape {list(k.shape)}, inputs in [{low}, {high}]: give (inputs, outputs), low first")
    reach = np.maximum(np.abs(np.broadcast_to(low, k.shape[:1])), np.abs(np.broadcast_to(high, k.shape[:1])))
    if float((np.abs(k) * reach[:, None].astype(np.float64)).sum(axis=0).max(initial=0)) >= 2.0**61:
        raise BadInput(f"integer weights up to {int(np.abs(k).max())}: sums leave 63 bits: take fewer bits")
    adders = Adders(*(np.broadcast_to(one, k.shape[:1]).tolist() for one in (low, high, ready)))
    digits = csd(k)
    node, column, shift = np.nonzero(digits)
    terms = _shared(Terms(column, node, shift, digits[node, column, shift].astype(np.int64)).joined(()), adders)
    ends = np.searchsorted(terms.column, np.arange(k.shape[1] + 1))
    every = list(zip(terms.node.tolist(), terms.shift.tolist(), terms.sign.tolist(), strict=True))
    outputs = [adders.sum(every[start:stop]) for start, stop in pairwise(ends.tolist())]
    return AdderGraph.of(adders, k.shape[0], outputs)


def _shared(terms: Terms, adders: Adders) -> Terms:
    """Share patterns, round after round, until none occurs twice."""
    threshold = NEAR
    while found := pairs(terms, adders, threshold):
        terms, shared = _round(terms, found, adders, threshold)
        if not shared and threshold == 0:
            break
        threshold = NEAR if shared else 0.0  # the best patterns may overlap themselves, as x + 4x + 16x does
    return terms


def _round(terms: Terms, found: Pairs, adders: Adders, threshold: float) -> tuple[Terms, int]:
    """Make a node of each pattern whose occurrences are still there, best first; return the terms then, and how many."""
    used = np.zeros(len(terms.node), bool)
    made = list[Terms]()
    for rank in np.argsort(-found.score, kind="stable"):
        if found.score[rank] < threshold * found.best:
            break
        first, second = found.occurrences(rank, used)
        weight = found.weight[rank]
        if len(first) < 2 or len(first) * weight < threshold * found.best:
            continue
        used[first] = used[second] = True
        one, other = first[0], second[0]
        sign = int(terms.sign[one] * terms.sign[other])
        node = adders.add(int(terms.node[one]), int(terms.node[other]), int(terms.shift[other] - terms.shift[one]), sign)
        made.append(Terms(terms.column[first], np.full(len(first), node), terms.shift[first], terms.sign[first]))
    return terms.only(~used).joined(made), len(made)
