"""A constant matrix times a vector in shifts and adds: common two-term subexpressions shared, greedily.

Patterns are ranked by occurrences times the bits in which both terms overlap, as in da4ml (arXiv 2507.04535), but counted in
rounds: all pairs at once, then every pattern that scores near the best of its round, where the terms are still there. That is
array work, and shares slightly more than one pattern at a time does.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.adders import Adders, Terms
from ngtbench.kernels.fpga.patterns import Pairs, pairs
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.multiplication import csd, whole

NEAR = 0.7  # of the best score of a round; 0.9 takes twice the rounds and shares no more


@dataclass(frozen=True)
class AdderGraph:
    """Node i >= inputs is node[left] + sign node[right] 2^shift; an output is sign node 2^shift, and node -1 is zero."""

    inputs: int
    steps: Array  # (adders, 4): left, right, shift, sign
    outputs: Array  # (outputs, 3): node, shift, sign
    bits: Array  # of each node
    depth: Array  # adders on the longest path
    cost: int  # sum over adders of the bits in which they add: LUT, nearly

    @property
    def adders(self) -> int:
        """How many two-input adders there are."""
        return len(self.steps)

    @property
    def longest(self) -> int:
        """Adders on the longest path to any output."""
        return int(max((self.depth[node] for node in self.outputs[:, 0] if node >= 0), default=0))

    def apply(self, x: Array) -> Array:
        """Return the products (outputs, ...) of int64 inputs (inputs, ...)."""
        nodes = list(np.asarray(x, np.int64))
        for left, right, shift, sign in self.steps.tolist():
            nodes.append(nodes[left] + sign * (nodes[right] << shift))
        zero = np.zeros_like(nodes[0])
        return np.array([sign * (nodes[node] << shift) if node >= 0 else zero for node, shift, sign in self.outputs.tolist()])

    def registers(self, every: int) -> int:
        """Return the bits that a register after each `every` levels of adders holds, inputs and outputs not counted."""
        stage = np.maximum(self.depth - 1, 0) // every
        last = stage.copy()
        for node, (left, right, _, _) in enumerate(self.steps.tolist(), start=self.inputs):
            last[left], last[right] = max(last[left], stage[node]), max(last[right], stage[node])
        ends = self.outputs[self.outputs[:, 0] >= 0, 0]
        last[ends] = stage.max(initial=0)
        return int(((last - stage) * self.bits).sum())


def adder_graph(k: Array, low: Array | int, high: Array | int) -> AdderGraph:
    """Return a graph of the integers k (n_in, n_out) for inputs in [low, high], numbers or one per input.

    Raises BadInput for weights or ends that are no integers, and where a result could leave 63 bits.
    """
    k, low, high = whole(k), whole(low), whole(high)
    if k.ndim != 2 or np.any(low > high):
        raise BadInput(f"weights of shape {list(k.shape)}, inputs in [{low}, {high}]: give (inputs, outputs), low first")
    reach = np.maximum(np.abs(np.broadcast_to(low, k.shape[:1])), np.abs(np.broadcast_to(high, k.shape[:1])))
    if float((np.abs(k) * reach[:, None].astype(np.float64)).sum(axis=0).max(initial=0)) >= 2.0**61:
        raise BadInput(f"integer weights up to {int(np.abs(k).max())}: sums leave 63 bits: take fewer bits")
    adders = Adders(np.broadcast_to(low, k.shape[:1]).tolist(), np.broadcast_to(high, k.shape[:1]).tolist())
    digits = csd(k)
    node, column, shift = np.nonzero(digits)
    terms = _shared(Terms(column, node, shift, digits[node, column, shift].astype(np.int64)).joined(()), adders)
    ends = np.searchsorted(terms.column, np.arange(k.shape[1] + 1))
    every = list(zip(terms.node.tolist(), terms.shift.tolist(), terms.sign.tolist(), strict=True))
    outputs = [adders.sum(every[start:stop]) for start, stop in pairwise(ends.tolist())]
    return AdderGraph(
        inputs=k.shape[0],
        steps=np.array(adders.steps, np.int64).reshape(-1, 4),
        outputs=np.array(outputs, np.int64),
        bits=np.array(adders.bits),
        depth=np.array(adders.depth),
        cost=adders.cost,
    )


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
