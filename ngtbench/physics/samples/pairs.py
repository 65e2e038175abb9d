"""Two classes of sets in which only pairs tell: features correlate within vertices (class 1) or within clusters (class 0).

Constituents come in fours a, b, c, d. Vertices join a with b and c with d, clusters a with c and b with d: so each vertex and
each cluster has two constituents, and by both numbers they are known. All features are standard normal; those of the two in a
vertex, or in a cluster, have the correlation rho. Without the numbers the classes are the same distribution: not only one
constituent, no function of all features tells anything. (Pairs that correlate in one class alone would be given away by the
spread of a sum over constituents, such as that of squares, whatever signs hide.) Per four and feature the squares cancel in
log LR = rho / (1 - rho^2) (ab + cd - ac - bd) = rho / (1 - rho^2) (a - d)(b - c),
where a - d and b - c have variance 2 and correlation rho in class 1, -rho in class 0. Its sum, less that of another event,
is a difference of two chi-squares of widths 1 + rho and 1 - rho: the area under the ROC curve is that of the F distribution.
"""

import math
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import deviates
from ngtbench.physics.samples.optimum import Optimum, widths_auc

CLASS, ORDER, FEATURE = range(3)  # streams
FOUR = 4
VERTEX, CLUSTER = (0, 0, 1, 1), (0, 1, 0, 1)


@dataclass(frozen=True)
class Size:
    """Numbers of constituents, in fours, and of their features, and how much features of a pair correlate."""

    constituents: int = 64
    features: int = 1
    correlation: float = 0.2

    def __post_init__(self) -> None:
        if self.constituents < FOUR or self.constituents % FOUR or self.features < 1:
            raise BadInput(
                f"{self.features} features of {self.constituents} constituents: constituents come in fours, features from 1"
            )
        if not 0 < self.correlation < 1:
            raise BadInput(f"correlation {self.correlation:g}: must be above 0 and below 1")


def draw(size: Size, events: int, seed: int, first: int = 0) -> tuple[Array, Array, Array]:
    """Return x, float32, shape (events, constituents, features), numbers of vertex and cluster, and classes, int64.

    The numbers are from 0 to half the constituents, int64, shape (events, constituents, 2); constituents are in random order.
    """
    n, k = size.constituents, size.features
    parts = deviates.parts(events, first, n * k)
    x, pairs, label = np.empty((events, n, k), np.float32), np.empty((events, n, 2), np.int64), np.empty(events, np.int64)
    numbers = 2 * (np.arange(n) // FOUR) + np.array((VERTEX, CLUSTER))[:, np.arange(n) % FOUR]
    rest = math.sqrt((1 - size.correlation) * (1 + size.correlation))
    for rows, these in parts:
        label[rows] = deviates.whole(seed, CLASS, these, 0, 1)
        four = deviates.normal(seed, FEATURE, these, n * k).reshape(-1, n // FOUR, 2, 2, k)
        four[:, :, :, 1] = size.correlation * four[:, :, :, 0] + rest * four[:, :, :, 1]
        turned = np.where(label[rows, None, None, None, None], four, four.swapaxes(2, 3)).reshape(-1, n, k)
        order = np.argsort(deviates.uniform(seed, ORDER, these, n), axis=1, kind="stable")
        x[rows] = np.take_along_axis(turned, order[:, :, None], axis=1)
        pairs[rows] = numbers.T[order]
    return x, pairs, label


def log_ratio(size: Size, x: Array, pairs: Array) -> Array:
    """Return ln p(x | 1) / p(x | 0), shape (events,)."""
    difference = _products(x, pairs[:, :, 0]) - _products(x, pairs[:, :, 1])
    ratio: Array = size.correlation / ((1 - size.correlation) * (1 + size.correlation)) * difference
    return ratio


def optimum(size: Size) -> Optimum:
    """Return the area under the ROC curve of the likelihood ratio: F-cdf((1 + rho) / (1 - rho); n, n), n = N k / 2 of N x k."""
    return widths_auc((1 + size.correlation) / (1 - size.correlation), size.constituents * size.features // 2)


def _products(x: Array, numbers: Array) -> Array:
    """Sum, of each event, what two constituents of one number have as the product of their features."""
    together = np.take_along_axis(x, np.argsort(numbers, axis=1)[:, :, None], axis=1).astype(np.float64)
    sums: Array = np.einsum("nik,nik->n", together[:, 0::2], together[:, 1::2])
    return sums
