"""A tree-tensor-network classifier: a feature a leaf, two branches are one at each node, the label at the root.

Stoudenmire 2018, arXiv 1801.00315. Features come to leaves as in `mps_classifier`, then cosine and sine are turned by 45 degrees:
(cos, sin)(pi (t - 1/2) / 2), near (1, 0). A node is `spread` w plus what passes 1 on, and sums the other numbers of its branches.
Vectors are set to length 1 after each level; logits are `gain` times those of the root.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.networks.mps_classifier import entropy_nats


@dataclass(frozen=True)
class TtnClassifier:
    """Features, the bond dimension, classes, and how features come to leaves."""

    features: int = 16
    bond: int = 16
    classes: int = 5
    copies: int = 1
    middle: float = 0.0
    reach: float = 4.0
    spread: float = 0.5
    gain: float = 10.0

    def __post_init__(self) -> None:
        if min(self.features, self.bond, self.classes, self.copies) < 1 or not self.reach > 0:
            raise BadInput(f"{self}: counts and reach must be positive")
        if self.sites < 2 or self.sites & (self.sites - 1):
            raise BadInput(f"{self}: {self.sites} leaves are no power of two")

    @property
    def sites(self) -> int:
        """Leaves of the tree."""
        return self.features * self.copies

    @property
    def levels(self) -> int:
        """Levels of nodes, the root among them."""
        return self.sites.bit_length() - 1

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return (nodes, numbers of both branches, numbers passed on) of each level, leaves first."""
        shapes, below = dict[str, tuple[int, ...]](), 2
        for level in range(1, self.levels + 1):
            above = self.classes if level == self.levels else min(self.bond, below**2)
            shapes[f"w_level{level}"] = (self.sites >> level, below**2, above)
            below = above
        return shapes

    def flop(self) -> int:
        """Count 2 FLOP per multiply-add of the nodes; products of two branches' numbers are not counted."""
        return 2 * sum(math.prod(shape) for shape in self.shapes().values())

    def passed(self, level: int) -> Array:
        """Return what a node of a level does before it has learned: (numbers of both branches, numbers passed on)."""
        _, pair, above = self.shapes()[f"w_level{level}"]
        below = round(pair**0.5)
        found = np.zeros((below, below, above), np.float32)
        if level < self.levels:
            for k in range(min(below, above)):
                found[k, 0, k] = found[0, k, k] = 1
        return found.reshape(pair, above)

    def entropies_nats(self, parameters: Mapping[str, Array]) -> Array:
        """Return the entanglement of leaves below each branch with all others and the label, the root's two branches last."""
        nodes = [
            (self.passed(level) + self.spread * w.astype(np.float64)).reshape(len(w), *2 * (round(w.shape[1] ** 0.5),), -1)
            for level, w in enumerate(parameters.values(), start=1)
        ]
        inside = [np.tile(np.eye(2), (self.sites, 1, 1))]
        for node in nodes[:-1]:
            a, b = inside[-1][::2], inside[-1][1::2]
            inside.append(_unit(np.einsum("nabc,nad,nbe,ndef->ncf", node, a, b, node, optimize=True)))
        outside, found = np.eye(self.classes)[None], list[float]()
        for node, within in zip(nodes[::-1], inside[::-1], strict=True):
            a, b = within[::2], within[1::2]
            left = np.einsum("nabc,nbe,ncf,ndef->nad", node, b, outside, node, optimize=True)
            right = np.einsum("nabc,nad,ncf,ndef->nbe", node, a, outside, node, optimize=True)
            outside = _unit(np.stack((left, right), 1).reshape(-1, *left.shape[1:]))
            found = [entropy_nats(x, y) for x, y in zip(within, outside, strict=True)] + found
        return np.array(found)

    @property
    def middle_bond(self) -> int:
        """Return the place of the bond that cuts the sites in halves, among the entropies."""
        return -1


def _unit(overlaps: Array) -> Array:
    scaled: Array = overlaps / np.trace(overlaps, axis1=1, axis2=2)[:, None, None]
    return scaled
