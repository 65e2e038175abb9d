"""The search for a contraction tree: how long it takes, and how good a tree it finds. No contraction is done.

The network is that of tensors/contraction, its tensors in random order. Judged is that the tree contracts all tensors, and that
it costs what the search says it does.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Workload
from ngtbench.physics.tensors import inverse_graph, trees
from ngtbench.physics.tensors.trees import Cost, Tree

_WORSE = 12.0  # log2 of the work, beside that of the tree of the package, with which a tree is no find


@dataclass(frozen=True)
class Size:
    """A network of p tensors with bonds of one size, and how many trees are tried."""

    p: int
    bond: int
    trials: int

    def network(self, ends: Array) -> list[tuple[int, ...]]:
        """Return the indices of each tensor, from the two tensors at which each index ends."""
        legs: list[list[int]] = [[] for _ in range(self.p)]
        for index, pair in enumerate(ends.tolist()):
            for tensor in pair:
                legs[tensor].append(index)
        return [tuple(own) for own in legs]

    def cost(self, tree: Tree, legs: list[tuple[int, ...]]) -> Cost:
        """Return what a tree takes."""
        return trees.cost(tree, legs, (), dict.fromkeys((label for own in legs for label in own), self.bond))


def inputs(size: Size, seed: int) -> Inputs:
    """Return the tensors at the ends of each index, shape (indices, 2)."""
    number = np.random.default_rng(seed).permutation(size.p)
    return {"ends": number[np.array(inverse_graph.edges(size.p))]}


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Return whether the path is one, how far off what was said of it is, and how much more it takes than the package's."""
    pairs, said = outputs["path"].whole(), outputs["log2_mult_adds"].whole()
    legs = size.network(inputs["ends"][np.arange(2 * len(inverse_graph.edges(size.p)))].reshape(-1, 2))
    try:
        tree = Tree(tuple((int(a), int(b)) for a, b in pairs))
        trees.check(tree, legs)
    except (BadInput, TypeError, ValueError):
        return {"path": (1.0, 0.0)}
    found = math.log2(size.cost(tree, legs).mult_adds)
    known = math.log2(size.cost(trees.load(f"ig-{size.p}-{size.bond}"), inverse_graph.legs(size.p)).mult_adds)
    off = abs(float(said[0]) - found) if said.shape == (1,) else math.inf
    return {"path": (0.0, 0.0), "log2_mult_adds": (off, 1e-9), "worse": (max(0.0, found - known), _WORSE)}


def work(size: Size, item_b: int) -> Work:
    """Count no FLOP: what a search does is its own affair."""
    indices = len(inverse_graph.edges(size.p))
    return Work(flop=0, bytes=16 * indices, memory_b=1000 * indices, events=size.trials, event="tree")


WORKLOAD = Workload(
    version=1,
    title="Search for contraction trees",
    inputs=inputs,
    invariants=invariants,
    work=work,
    sizes={"XS": Size(101, 2, 8), "S": Size(181, 2, 64), "M": Size(199, 2, 256), "L": Size(211, 2, 1024)},
    tolerance={"float64": 1e-9},
    impls=(
        Impl("greedy", "tensors.contract_search:greedy", "numpy"),
        Impl("cotengra", "tensors.contract_search_cotengra:greedy", "numpy", needs=("cotengra",)),
    ),
    repeat="trials",
    metrics=(Metric("wall_s"), Metric("log2_mult_adds"), Metric("width")),
    notes=(
        "Greedy trees with random parameters, the best of so many; cotengra's is improved by subtree reconfiguration.",
        "Metrics: log2 of the multiply-adds of the tree that was found, and its width, log2 of the largest tensor.",
        "The dtype stands for nothing.",
    ),
)
