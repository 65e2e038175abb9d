"""Lists of trigger objects as networks take them: numbers of order 1."""

import math

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.samples import objects


def drawn(sample: objects.Size, events: int, seed: int, first: int) -> dict[str, Array]:
    """Return x (events, most, 3): pt above threshold by its mean in class 0, eta by its largest, phi by pi; mask; label."""
    x, mask, label = objects.draw(sample, events, seed, first)
    x -= np.where(mask[:, :, None], np.array((objects.THRESHOLD_GEV, 0, 0), np.float32), np.float32(0))
    x /= np.array((objects.SCALE_GEV, objects.LARGEST_ETA, math.pi), np.float32)
    return {"x": x, "mask": mask, "label": label}


def log_ratio(sample: objects.Size, x: Array) -> Array:
    """Return ln p(x | 1) / p(x | 0), shape (events,), of such x, in rows or flat."""
    lists = x.reshape(len(x), -1, 3).astype(np.float64)
    gev = lists * (objects.SCALE_GEV, 1.0, 1.0) + (objects.THRESHOLD_GEV, 0.0, 0.0)
    filled: Array = np.any(lists, axis=2)
    return objects.log_ratio(sample, gev, filled)
