"""Searches for trees, timed: our own."""

import math
from collections.abc import Callable

import numpy as np

from ngtbench.kernels.tensors.contract_network import Network
from ngtbench.kernels.tensors.contract_path import search
from ngtbench.model.workload import Array, Setup, Trial, Watch
from ngtbench.physics.tensors.trees import Tree

Search = Callable[[list[tuple[int, ...]], int], Tree]  # indices of each tensor, and a seed


def greedy(setup: Setup, ends: Array) -> Callable[[int, Watch], Trial]:
    """Search by our greedy trials."""

    def found(legs: list[tuple[int, ...]], seed: int) -> Tree:
        return search(Network(tuple(legs), (), (setup.size.bond,) * len(ends)), setup.size.trials, seed)

    return trials(setup, ends, found)


def trials(setup: Setup, ends: Array, found: Search) -> Callable[[int, Watch], Trial]:
    """Time a search, from another seed each time."""
    legs = setup.size.network(ends)

    def trial(k: int, watch: Watch) -> Trial:
        with watch():
            tree = found(legs, 1000 * setup.seed + k)
        took = setup.size.cost(tree, legs)
        said = math.log2(took.mult_adds)
        outputs = {"path": np.array(tree.pairs), "log2_mult_adds": np.array([said])}
        return Trial(outputs, {"wall_s": watch.spent_s, "log2_mult_adds": said, "width": took.width})

    return trial
