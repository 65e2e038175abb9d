"""Noise of timings as gate and comparison meet it: four levels, drawn as logarithms of medians of launches, paired or in jobs.

A launch's log time is its slot's drift (an Ornstein-Uhlenbeck walk over ten launches plus a warm-up ramp over three), its own
level, possibly a slow mode, and ten right-skewed samples, of which a contiguous part may be 20 to 60 % slow (someone else's
burst). Every job has a level of its own too, which a pair of launches in one job shares. The levels are assumptions;
`docs/methodology.md` sets measured pair noise beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ngtbench.model.workload import Array

SAMPLES = 10


@dataclass(frozen=True)
class Level:
    """Standard deviations of logarithms, and probabilities per launch."""

    sample: float
    launch: float
    drift: float
    ramp: float
    burst: float  # probability that a launch meets one
    session: float  # one value per job
    slow_mode: float = 0.0  # log distance of a mode that half of the launches fall into


LEVELS = {
    "quiet": Level(0.005, 0.005, 0.003, 0.005, 0.02, 0.010),
    "typical": Level(0.020, 0.020, 0.015, 0.015, 0.10, 0.025),
    "noisy": Level(0.050, 0.040, 0.040, 0.020, 0.25, 0.050),
    "bimodal": Level(0.003, 0.003, 0.003, 0.005, 0.02, 0.010, slow_mode=0.12),
}


def log_ratios(level: Level, slowdown: float, trials: int, pairs: int, seed: int) -> Array:
    """Return (trials, pairs) log ratios of a candidate that is slower by this share, order drawn inside each pair."""
    draw = np.random.default_rng(seed)
    medians = np.median(_launches(draw, level, trials, 2 * pairs), axis=2).reshape(trials, pairs, 2)
    swapped = draw.random((trials, pairs)) < 0.5
    gained: Array = np.where(swapped, medians[..., 0] - medians[..., 1], medians[..., 1] - medians[..., 0])
    gained += np.log1p(slowdown)
    return gained


def in_jobs(draw: np.random.Generator, level: Level, trials: int, launches: Sequence[int]) -> Array:
    """Return (trials, sum of launches) log medians of jobs with these numbers of launches, whose own levels are drawn too."""
    jobs = []
    for count in launches:
        medians = np.median(_launches(draw, level, trials, count), axis=2)
        jobs.append(medians + draw.normal(0, level.session, (trials, 1)))
    return np.concatenate(jobs, axis=1)


def _launches(draw: np.random.Generator, level: Level, trials: int, slots: int) -> Array:
    """Return log samples (trials, slots, SAMPLES)."""
    keep = np.exp(-0.1)
    walk = np.empty((trials, slots))
    walk[:, 0] = draw.normal(0, level.drift, trials)
    for slot in range(1, slots):
        walk[:, slot] = keep * walk[:, slot - 1] + draw.normal(0, level.drift * np.sqrt(1 - keep**2), trials)
    ramp = level.ramp * -np.expm1(-np.arange(slots) / 3)
    own = draw.normal(0, level.launch, (trials, slots)) + level.slow_mode * (draw.random((trials, slots)) < 0.5)
    skewed = level.sample * (draw.gamma(2.0, 1.0, (trials, slots, SAMPLES)) - 2) / np.sqrt(2)
    start, length = draw.uniform(0, 0.7, (trials, slots, 1)), draw.uniform(0.33, 0.66, (trials, slots, 1))
    place = (np.arange(SAMPLES) + 0.5) / SAMPLES
    hit = (draw.random((trials, slots, 1)) < level.burst) & (place >= start) & (place < start + length)
    height = np.log1p(draw.uniform(0.2, 0.6, (trials, slots, 1)))
    samples: Array = (walk + ramp + own)[..., None] + skewed + hit * height
    return samples
