"""The search for an adder graph as a trial: a fresh search of the same matrix each time."""

from collections.abc import Callable

import numpy as np

from ngtbench.kernels.fpga.adder_graph import AdderGraph, adder_graph
from ngtbench.model.workload import Array, Setup, Trial, Watch
from ngtbench.physics.fpga.multiplication import csd_count

LOW, HIGH = -128, 127


def shared(setup: Setup, matrix: Array) -> Callable[[int, Watch], Trial]:
    """Return the trial of this package's search."""
    return searched(matrix, lambda: adder_graph(matrix, LOW, HIGH))


def searched(matrix: Array, search: Callable[[], AdderGraph]) -> Callable[[int, Watch], Trial]:
    """Return the trial of a search."""
    digits, weights = csd_count(matrix), np.count_nonzero(matrix, axis=0)
    adders = int(np.maximum(digits - 1, 0).sum() + np.maximum(weights - 1, 0).sum())
    widest = (int(np.abs(matrix).sum(axis=0).max()) * -LOW).bit_length() + 1

    def trial(k: int, watch: Watch) -> Trial:
        with watch():
            graph = search()
        outputs = {"steps": graph.steps, "outputs": graph.outputs, "cost": np.array([graph.cost])}
        return Trial(outputs, {"wall_s": watch.spent_s, "cost_ratio": graph.cost / max(adders * widest, 1)})

    return trial
