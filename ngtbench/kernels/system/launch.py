"""The smallest call through NumPy: a ufunc on one element."""

import numpy as np

from ngtbench.model.workload import Array, Arrays, Run, Setup


def ufunc(setup: Setup, x: Array) -> Run:
    """Call `np.add` once per launch."""
    y, more = np.empty_like(x), range(setup.size.launches - 1)

    def run() -> Arrays:
        np.add(x, 1, out=y)
        for _ in more:
            np.add(y, 1, out=y)
        return {"y": y}

    return run
