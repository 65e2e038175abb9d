"""Searches for trees, timed: cotengra's."""

from collections.abc import Callable

import cotengra

from ngtbench.kernels.tensors.contract_search import trials
from ngtbench.model.workload import Array, Setup, Trial, Watch
from ngtbench.physics.tensors.trees import Tree


def greedy(setup: Setup, ends: Array) -> Callable[[int, Watch], Trial]:
    """Search by cotengra's greedy trials, and improve the best by subtree reconfiguration."""
    setup.say(f"cotengra {cotengra.__version__}")

    def found(legs: list[tuple[int, ...]], seed: int) -> Tree:
        names = [tuple(cotengra.get_symbol(index) for index in own) for own in legs]
        sizes = {cotengra.get_symbol(index): setup.size.bond for index in range(len(ends))}
        optimiser = cotengra.HyperOptimizer(
            methods=["greedy"], optlib="random", seed=seed, minimize="combo", max_repeats=setup.size.trials, parallel=False
        )
        tree = optimiser.search(names, (), sizes)
        tree.subtree_reconfigure_()
        return Tree(tuple((int(a), int(b)) for a, b in tree.get_ssa_path()))

    return trials(setup, ends, found)
