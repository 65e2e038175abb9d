"""Showers from a density that is known, and points on their way there from noise: what a flow is to learn, and how well it can.

A shower x_1 has one of some kinds, all as probable, and is normal about the mean of its kind, of width s in every voxel; means
are normal numbers, the same of every seed. x_0 is noise of width 1, the time t is uniform, x_t = (1 - t) x_0 + t x_1, and the
velocity is v = x_1 - x_0. With V = (1 - t)^2 + t^2 s^2 the chance of a kind is p_k ~ N(x_t; t m_k, V), and
E[v | x_t, t] = sum_k p_k (m_k + (t s^2 - (1 - t)) (x_t - t m_k) / V). What is left of v is s^2 / V a voxel where the kind is
known, whose mean over t is s pi / 2, and ((1 - t) / V)^2 Var[m_k | x_t, t] as it is not.
"""

import math
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import deviates
from ngtbench.physics.samples.optimum import Optimum

KIND, TIME, NOISE, VOXEL, _MEAN = range(5)  # streams
_MEANS_SEED = 0
_SUBSETS = 50  # of a draw, for the error


@dataclass(frozen=True)
class Size:
    """Voxels, kinds of showers, spread of the means of kinds, and width s of a voxel about its mean."""

    features: int = 368
    kinds: int = 16
    spread: float = 0.7
    width: float = 0.25

    def __post_init__(self) -> None:
        if self.features < 1 or self.kinds < 1:
            raise BadInput(f"{self.features} voxels, {self.kinds} kinds: name one or more of each")
        if not (0 <= self.spread < math.inf and 0 < self.width < math.inf):
            raise BadInput(f"spread {self.spread:g}: must be from 0; width {self.width:g}: must be above 0")


def draw(size: Size, events: int, seed: int, first: int = 0) -> tuple[Array, Array, Array]:
    """Return points x_t, shape (events, features), times in [0, 1), shape (events,), and velocities as x_t, all float32."""
    parts, center = deviates.parts(events, first, size.features), means(size)
    x, t = np.empty((events, size.features), np.float32), np.empty(events, np.float32)
    v = np.empty_like(x)
    for rows, these in parts:
        kind = deviates.whole(seed, KIND, these, 0, size.kinds - 1)
        shower = center[kind] + size.width * deviates.normal(seed, VOXEL, these, size.features)
        start = deviates.normal(seed, NOISE, these, size.features)
        t[rows] = deviates.uniform(seed, TIME, these, 1)[:, 0] * (1 - 2.0**-24)  # below 1 in float32 too
        time = t[rows, None].astype(np.float64)
        x[rows], v[rows] = (1 - time) * start + time * shower, shower - start
    return x, t, v


def noise(size: Size, events: int, seed: int, first: int = 0) -> Array:
    """Return the noise x_0 of such draws, float32, shape (events, features)."""
    x = np.empty((events, size.features), np.float32)
    for rows, these in deviates.parts(events, first, size.features):
        x[rows] = deviates.normal(seed, NOISE, these, size.features)
    return x


def means(size: Size) -> Array:
    """Return the means of the kinds, shape (kinds, features)."""
    return size.spread * deviates.normal(_MEANS_SEED, _MEAN, range(size.kinds), size.features)


def log_density(size: Size, x: Array, t: float = 1.0) -> Array:
    """Return ln p(x_t), shape (events,): at t = 1 of showers."""
    center, variance = t * means(size), _variance(size, np.asarray(t))
    squares = np.stack([np.sum(np.square(x.astype(np.float64) - mean), axis=1) for mean in center], axis=1)
    exponent = -squares / (2 * variance)
    highest = np.max(exponent, axis=1)
    of_kinds = highest + np.log(np.mean(np.exp(exponent - highest[:, None]), axis=1))
    density: Array = of_kinds - size.features / 2 * np.log(2 * math.pi * variance)
    return density


def velocity(size: Size, x: Array, t: Array) -> Array:
    """Return E[v | x_t, t], what nothing can better: x (events, features), t (events,)."""
    center, time, variance = means(size), t.astype(np.float64)[:, None], _variance(size, t.astype(np.float64))[:, None]
    along = x.astype(np.float64) @ center.T
    mean = _chances(size, along, t.astype(np.float64)) @ center
    found: Array = mean + (time * size.width**2 - (1 - time)) / variance * (x - time * mean)
    return found


def optimum(size: Size, events: int = 80000, seed: int = 1) -> Optimum:
    """Return the mean square a voxel that E[v | x_t, t] is off.

    The part of known kinds is exact. For the other, projections on the means are drawn, one at each of so many times evenly
    spread; the error is from subsets, of which each has all times.
    """
    center = means(size)
    gram = center @ center.T
    these = range(events)
    t = (np.arange(events) + deviates.uniform(seed, TIME, these, 1)[:, 0]) / events
    kind = deviates.whole(seed, KIND, these, 0, size.kinds - 1)
    energy, axes = np.linalg.eigh(gram)
    root = axes * np.sqrt(np.maximum(energy, 0))
    variance = _variance(size, t)
    noise = deviates.normal(seed, NOISE, these, size.kinds) @ root.T
    chances = _chances(size, t[:, None] * gram[kind] + np.sqrt(variance)[:, None] * noise, t)
    spread = chances @ np.diag(gram) - np.sum((chances @ gram) * chances, axis=1)
    lost = ((1 - t) / variance) ** 2 * spread / size.features
    error = float(np.std([np.mean(lost[k::_SUBSETS]) for k in range(_SUBSETS)], ddof=1)) / math.sqrt(_SUBSETS)
    value = size.width * math.pi / 2 + float(np.mean(lost))
    return Optimum(value, error, "loss", f"closed form of kinds that are known; {events} projections drawn of those unknown")


def chance(size: Size) -> float:
    """Return the mean square a voxel that the best constant is off: the variance of v."""
    return 1 + size.width**2 + float(np.mean(np.var(means(size), axis=0)))


def _variance(size: Size, t: Array) -> Array:
    variance: Array = (1 - t) ** 2 + (t * size.width) ** 2
    return variance


def _chances(size: Size, along: Array, t: Array) -> Array:
    """Return the probability of each kind, shape (events, kinds), by the products of x_t with the means."""
    energy = np.sum(np.square(means(size)), axis=1)
    exponent = (t[:, None] * along - (t**2)[:, None] * energy / 2) / _variance(size, t)[:, None]
    weights = np.exp(exponent - np.max(exponent, axis=1, keepdims=True))
    chances: Array = weights / np.sum(weights, axis=1, keepdims=True)
    return chances
