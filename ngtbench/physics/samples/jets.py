"""Five classes of jets in sixteen features, each with a block of three that is wider; mixed, so that no feature tells alone.

z is normal in R^16; class c = 0..4 multiplies z_3c, z_3c+1, z_3c+2 by the root of `variance`; the jet is x = z H_0 H_1 with
H_k = 1 - 2 v v^T / v^T v, v_i = cos(0.7310585 i^2 (k + 1)) in whole multiples of 2^-20: no library's last digit is in it.
The classes are as probable. The best rule takes the largest energy of a block, E_c = z_3c^2 + z_3c+1^2 + z_3c+2^2.
"""

import math
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import deviates
from ngtbench.physics.samples.optimum import ROUNDING, Optimum

FEATURES = 16
CLASSES = 5
BLOCK = 3
CLASS, Z = range(2)  # streams


@dataclass(frozen=True)
class Size:
    """How much wider the block of its class is: variance of a jet's three features, of others 1."""

    variance: float = 8.0

    def __post_init__(self) -> None:
        if not 1 < self.variance < math.inf:
            raise BadInput(f"variance {self.variance:g}: must be above 1, that of the other features")


def draw(size: Size, events: int, seed: int, first: int = 0) -> tuple[Array, Array]:
    """Return jets x, float32, shape (events, 16), and their classes, int64."""
    parts = deviates.parts(events, first, FEATURES)
    x, label = np.empty((events, FEATURES), np.float32), np.empty(events, np.int64)
    for rows, these in parts:
        label[rows] = deviates.whole(seed, CLASS, these, 0, CLASSES - 1)
        z = deviates.normal(seed, Z, these, FEATURES)
        wider = np.arange(FEATURES) // BLOCK == label[rows, None]
        x[rows] = _reflected(_reflected(np.where(wider, math.sqrt(size.variance) * z, z), 0), 1)
    return x, label


def log_posterior(size: Size, x: Array) -> Array:
    """Return ln P(class | x), shape (events, 5)."""
    z = _reflected(_reflected(x.astype(np.float64), 1), 0)[:, : CLASSES * BLOCK]
    energy = np.sum(np.square(z).reshape(-1, CLASSES, BLOCK), axis=-1)
    exponent = (1 - 1 / size.variance) / 2 * energy
    exponent -= np.max(exponent, axis=1, keepdims=True)
    posterior: Array = exponent - np.log(np.sum(np.exp(exponent), axis=1, keepdims=True))
    return posterior


def optimum(size: Size) -> Optimum:
    """Return the accuracy of the best rule: the integral over u of f(u / s2) / s2 F(u)^4, s2 the variance.

    f and F are of chi-square with three degrees of freedom: the widest block's energy is above that of four others.
    """

    def accuracy(points: int) -> float:
        nodes, weights = np.polynomial.legendre.leggauss(points)
        end = 7 * math.sqrt(2 * size.variance)
        root = (nodes + 1) / 2 * end  # of u: the integrand is smooth in it
        cumulative = np.array([math.erf(r / math.sqrt(2)) - math.sqrt(2 / math.pi) * r * math.exp(-(r**2) / 2) for r in root])
        density = root / math.sqrt(2 * math.pi * size.variance**3) * np.exp(-(root**2) / (2 * size.variance))
        return float(np.sum(weights * density * cumulative ** (CLASSES - 1) * 2 * root)) * end / 2

    value, coarse = accuracy(400), accuracy(200)
    return Optimum(value, max(abs(value - coarse), ROUNDING), "accuracy", "chi-square, Gauss-Legendre integral")


def _reflected(x: Array, k: int) -> Array:
    """Return x H_k; sums go in the order of the features, so that no number of events changes a bit."""
    v = np.rint(2.0**20 * np.cos(0.7310585 * np.arange(FEATURES) ** 2 * (k + 1)))
    along = np.zeros(len(x))
    for feature, component in enumerate(v):
        along += component * x[:, feature]
    image: Array = x - (along * (2 / np.sum(v * v)))[:, None] * v
    return image
