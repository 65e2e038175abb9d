"""Two classes of jets as sets of constituents, those of class 1 wider: only the sum of squares tells, over all constituents.

A jet has n constituents of k features each, all normal, of variance 1 in class 0 and s2 in class 1; n is any number from
`fewest` to `most`, all as probable, in both classes, and slots from n on are zero. With q the sum of squares,
log LR = (1 - 1/s2) q / 2 - (n k / 2) ln s2. Nothing is mixed: reflections leave a normal distribution of equal widths as it is.
"""

import math
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import deviates
from ngtbench.physics.samples.optimum import FEWEST_FREEDOM, Optimum, mixed_widths_auc

CLASS, COUNT, FEATURE = range(3)  # streams


@dataclass(frozen=True)
class Size:
    """Numbers of constituents and features, and the variance of a feature in class 1; in class 0 it is 1."""

    fewest: int = 64
    most: int = 64
    features: int = 3
    variance: float = 1.2

    def __post_init__(self) -> None:
        if not 1 <= self.fewest <= self.most or self.features < 1 or self.fewest * self.features < FEWEST_FREEDOM:
            raise BadInput(
                f"{self.features} features of {self.fewest} to {self.most} constituents: name counts in rising order, "
                f"with {FEWEST_FREEDOM} numbers or more in the smallest jet"
            )
        if not 1 < self.variance < math.inf:
            raise BadInput(f"variance {self.variance:g}: must be above 1, that of class 0")


def draw(size: Size, events: int, seed: int, first: int = 0) -> tuple[Array, Array, Array]:
    """Return jets x, float32, shape (events, most, features), filled slots, bool, shape (events, most), and classes, int64."""
    parts = deviates.parts(events, first, size.most * size.features)
    shape = (events, size.most, size.features)
    x, mask, label = np.empty(shape, np.float32), np.empty(shape[:2], np.bool_), np.empty(events, np.int64)
    for rows, these in parts:
        label[rows] = deviates.whole(seed, CLASS, these, 0, 1)
        mask[rows] = np.arange(size.most) < deviates.whole(seed, COUNT, these, size.fewest, size.most)[:, None]
        width = mask[rows] * np.where(label[rows], math.sqrt(size.variance), 1.0)[:, None]
        numbers = deviates.normal(seed, FEATURE, these, size.most * size.features).reshape(-1, size.most, size.features)
        x[rows] = width[:, :, None] * numbers + 0.0  # no -0 in empty slots
    return x, mask, label


def log_ratio(size: Size, x: Array, mask: Array) -> Array:
    """Return ln p(x | 1) / p(x | 0), shape (events,); what stands in empty slots does not count."""
    squares = np.sum(np.square(np.where(mask[:, :, None], x, 0).astype(np.float64)), axis=(1, 2))
    count = size.features * np.count_nonzero(mask, axis=1)
    ratio: Array = (1 - 1 / size.variance) / 2 * squares - count / 2 * math.log(size.variance)
    return ratio


def optimum(size: Size) -> Optimum:
    """Return the area under the ROC curve of the likelihood ratio."""
    return mixed_widths_auc(size.variance, np.arange(size.fewest, size.most + 1) * size.features)
