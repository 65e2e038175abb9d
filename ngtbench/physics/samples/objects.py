"""Two classes of lists as a first-level trigger sees them: a few objects with pt, eta, phi; those of class 1 are harder.

An event has n objects, any number from `fewest` to `most`, all as probable, in both classes, sorted by falling pt; slots from n
on are zero. pt above a threshold falls exponentially, with a mean wider by `hardness` in class 1; eta and phi are uniform.
2 (pt - threshold) / scale is a chi-square of two degrees of freedom: log LR = (1 - 1/h) sum (pt - threshold) / scale - n ln h.
"""

import math
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import deviates
from ngtbench.physics.samples.optimum import FEWEST_FREEDOM, Optimum, mixed_widths_auc

THRESHOLD_GEV = 20.0
SCALE_GEV = 10.0
LARGEST_ETA = 2.5
CLASS, COUNT, OBJECT = range(3)  # streams


@dataclass(frozen=True)
class Size:
    """Numbers of objects, and how much larger the mean of pt above threshold is in class 1."""

    fewest: int = 4
    most: int = 12
    hardness: float = 1.8

    def __post_init__(self) -> None:
        if not FEWEST_FREEDOM <= 2 * self.fewest <= 2 * self.most:
            raise BadInput(f"{self.fewest} to {self.most} objects: name counts in rising order, from {FEWEST_FREEDOM // 2}")
        if not 1 < self.hardness < math.inf:
            raise BadInput(f"hardness {self.hardness:g}: must be above 1")


def draw(size: Size, events: int, seed: int, first: int = 0) -> tuple[Array, Array, Array]:
    """Return x = (pt in GeV, eta, phi), float32, (events, most, 3), filled slots, bool, (events, most), and classes, int64."""
    parts = deviates.parts(events, first, 3 * size.most)
    x, mask = np.empty((events, size.most, 3), np.float32), np.empty((events, size.most), np.bool_)
    label = np.empty(events, np.int64)
    for rows, these in parts:
        label[rows] = deviates.whole(seed, CLASS, these, 0, 1)
        mask[rows] = np.arange(size.most) < deviates.whole(seed, COUNT, these, size.fewest, size.most)[:, None]
        u = deviates.uniform(seed, OBJECT, these, 3 * size.most).reshape(-1, 3, size.most)
        above = -deviates.log(1 - u[:, 0]) * (SCALE_GEV * np.where(label[rows], size.hardness, 1.0))[:, None]
        pt = -np.sort(np.where(mask[rows], -above - THRESHOLD_GEV, 0.0), axis=1)
        eta, phi = LARGEST_ETA * (2 * u[:, 1] - 1), math.pi * (2 * u[:, 2] - 1)
        x[rows] = np.where(mask[rows][:, :, None], np.stack((pt, eta, phi), axis=-1), 0.0)
    return x, mask, label


def log_ratio(size: Size, x: Array, mask: Array) -> Array:
    """Return ln p(x | 1) / p(x | 0), shape (events,); what stands in empty slots does not count."""
    above = np.sum(np.where(mask, x[:, :, 0].astype(np.float64) - THRESHOLD_GEV, 0.0), axis=1)
    ratio: Array = (1 - 1 / size.hardness) / SCALE_GEV * above - np.count_nonzero(mask, axis=1) * math.log(size.hardness)
    return ratio


def optimum(size: Size) -> Optimum:
    """Return the area under the ROC curve of the likelihood ratio."""
    return mixed_widths_auc(size.hardness, np.arange(size.fewest, size.most + 1) * 2)
