"""The order in which a training takes its samples: another in each epoch, the same on every device."""

import numpy as np

from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter

_FIRST_STREAM = 1 << 20  # those below are for data and parameters


def rows(samples: int, seed: int, epoch: int) -> Array:
    """Return the numbers of all samples in random order, int64."""
    return np.argsort(counter.uniform(Uniform((samples,), seed, _FIRST_STREAM + epoch, 0.0, 1.0)), kind="stable")
