"""The smallest call into compiled code: numba's dispatch and one addition."""

import numpy as np
from numba import njit

from ngtbench.model.workload import Array, Arrays, Run, Setup


def compiled(setup: Setup, x: Array) -> Run:
    """Call a compiled function once per launch."""
    y, more = np.empty_like(x), range(setup.size.launches - 1)
    _add_one(x, y)

    def run() -> Arrays:
        _add_one(x, y)
        for _ in more:
            _add_one(y, y)
        return {"y": y}

    return run


@njit()
def _add_one(x: Array, y: Array) -> None:
    y[0] = x[0] + 1
