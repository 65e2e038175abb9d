"""The best score that any classifier can have, how it is known, and the score that one has on a draw."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array

ROUNDING = 1e-12  # of integrals in float64, at least
FEWEST_FREEDOM = 6  # of chi-square distributions that vary: densities of fewer rise too steeply for the grid
_POINTS = 1 << 15


@dataclass(frozen=True)
class Optimum:
    """A score, its error (one standard deviation of a draw, or the bound of an integral), and the method in words."""

    value: float
    error: float
    kind: Literal["accuracy", "auc", "loss"]
    method: str


def auc(scores: Array, labels: Array) -> tuple[float, float]:
    """Return the area under the ROC curve, ties for half, and its standard deviation; labels are 0 and 1.

    It is the probability that an event of class 1 scores above one of class 0: Mann and Whitney, Ann. Math. Stat. 18 (1947) 50;
    the error by DeLong et al., Biometrics 44 (1988) 837. Raises BadInput where a class has less than two events.
    """
    one, zero = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    if min(len(one), len(zero)) < 2:
        raise BadInput(f"labels: {len(one)} of class 1 and {len(zero)} of class 0; an area needs two events of each")
    beaten = _below(zero, one) / len(zero)
    beating = 1 - _below(one, zero) / len(one)
    variance = np.var(beaten, ddof=1) / len(one) + np.var(beating, ddof=1) / len(zero)
    return float(np.mean(beaten)), float(np.sqrt(variance))


def _below(these: Array, values: Array) -> Array:
    """Count how many of these, sorted, are below each value; equal ones for half."""
    counts: Array = (np.searchsorted(these, values, "left") + np.searchsorted(these, values, "right")) / 2
    return counts


def widths_auc(ratio: float, freedom: int) -> Optimum:
    """Return the area between q_1 = ratio chi^2 and q_0 = chi^2, of so many degrees of freedom each: F-cdf(ratio).

    That is I_x(n/2, n/2), x = ratio / (1 + ratio), the incomplete beta function, which is 1/2 at x = 1/2.
    """
    half, end = freedom / 2, ratio / (1 + ratio)
    scale = math.exp(math.lgamma(2 * half) - 2 * math.lgamma(half) - 2 * (half - 1) * math.log(2))  # the density at 1/2

    def area(points: int) -> float:
        nodes, weights = np.polynomial.legendre.leggauss(points)
        offset = (nodes + 1) * (end - 0.5)  # 2 t - 1
        return 0.5 + scale * (end - 0.5) / 2 * float(np.sum(weights * (1 - offset**2) ** (half - 1)))

    value, coarse = area(200), area(100)
    return Optimum(value, max(abs(value - coarse), ROUNDING), "auc", "F distribution, Gauss-Legendre integral")


def mixed_widths_auc(ratio: float, freedoms: Array) -> Optimum:
    """Return the area where q_1 = ratio chi^2_n, q_0 = chi^2_n; n is seen, one of these, from 6 up, as probable in both classes.

    log LR = l = (1 - 1/ratio) q / 2 - (n / 2) ln ratio; the area is the integral of f_1(l) F_0(l) over l.
    """
    slope, offsets = (1 - 1 / ratio) / 2, freedoms / 2 * math.log(ratio)
    highest = slope * ratio * (freedoms + 14 * np.sqrt(2 * freedoms) + 100) - offsets
    grid = np.linspace(-np.max(offsets), np.max(highest), _POINTS + 1)
    density = np.zeros((2, len(grid)))
    for n, offset in zip(freedoms, offsets, strict=True):
        q = np.maximum((grid + offset) / slope, 0)
        density += np.stack((_chi_square(q, n), _chi_square(q / ratio, n) / ratio)) / (slope * len(freedoms))
    value, coarse = (_area(density[:, ::every], (grid[1] - grid[0]) * every) for every in (1, 2))
    return Optimum(value, max(abs(value - coarse), ROUNDING), "auc", "integral of f_1 F_0 over the log likelihood ratio")


def _area(density: Array, step: float) -> float:
    below = np.concatenate(([0.0], np.cumsum((density[0, 1:] + density[0, :-1]) / 2))) * step
    return float(np.sum(density[1] * below) * step)


def _chi_square(q: Array, n: float) -> Array:
    with np.errstate(divide="ignore"):
        density: Array = np.exp((n / 2 - 1) * np.log(q / 2) - q / 2 - math.lgamma(n / 2)) / 2
    return density
