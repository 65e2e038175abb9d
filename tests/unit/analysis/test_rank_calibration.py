"""A stated chance of being first is how often that comes true, on four levels of noise, with sessions drawn per job.

Of every comparison true speeds are drawn, flat over a range some times wider than what the noise leaves of a difference. A job
has one session and one drift, which all its cases share; its score is the mean of its cases, each the mean of its launches.
"""

import numpy as np
import pytest

from ngtbench.analysis.robustness import by_jobs, chances
from ngtbench.model.workload import Array
from tests.unit.analysis.noise import LEVELS, in_jobs

CASES, LAUNCHES, TRIALS = 3, 3, 20_000
RANGE = 8.0  # true speeds lie within so many standard errors, either way
ABOUT_90 = (0.85, 0.95)
HELD = (0.87, 0.93)


def scores(draw: np.random.Generator, level: str, jobs: int) -> Array:
    """Return (trials, jobs) logarithms of speed whose true value is 0: what disturbs a machine on average is part of it."""
    medians = in_jobs(draw, LEVELS[level], TRIALS, [CASES * LAUNCHES] * jobs).reshape(TRIALS, jobs, LAUNCHES, CASES)
    found = -medians.mean(axis=(2, 3))
    centred: Array = found - found.mean()
    return centred


def stated(levels: tuple[str, ...], jobs: int, seed: int) -> tuple[Array, Array]:
    """Return per comparison the chance stated for the one stated first, and whether it is."""
    draw = np.random.default_rng(seed)
    noise = np.stack([scores(draw, level, jobs) for level in levels], axis=1)  # (trials, systems, jobs)
    error = float(noise.mean(axis=2).std(axis=0).max())
    true = draw.uniform(-RANGE * error, RANGE * error, (TRIALS, len(levels), 1))
    said = np.array([chances([by_jobs(float(one.mean()), one.tolist()) for one in systems]) for systems in true + noise])
    return said.max(axis=1), said.argmax(axis=1) == true[..., 0].argmax(axis=1)


def about_90(levels: tuple[str, ...], jobs: int, seed: int) -> tuple[float, float, int]:
    """Return the mean chance stated, the share that was right, and the number, of comparisons that are stated about 90 %."""
    said, right = stated(levels, jobs, seed)
    there = (said > ABOUT_90[0]) & (said < ABOUT_90[1])
    return float(said[there].mean()), float(right[there].mean()), int(there.sum())


@pytest.mark.parametrize("jobs", [3, 5])
@pytest.mark.parametrize("level", LEVELS)
def test_ninety_per_cent_is_right_in_ninety(level: str, jobs: int) -> None:
    said, right, number = about_90((level, level), jobs, seed=20261127 + jobs)
    assert number >= 2000
    assert said == pytest.approx(0.9, abs=0.015)
    assert HELD[0] <= right <= HELD[1]


@pytest.mark.parametrize("levels", [("quiet", "noisy"), ("typical",) * 4])
def test_so_it_is_of_unequal_noise_and_of_several_systems(levels: tuple[str, ...]) -> None:
    _, right, number = about_90(levels, 3, seed=20261127)
    assert number >= 1500
    assert HELD[0] <= right <= HELD[1]


if __name__ == "__main__":
    TRIALS = 40_000
    for levels in [*((level, level) for level in LEVELS), ("quiet", "noisy"), ("typical",) * 4, ("typical",) * 8]:
        for jobs in (3, 5):
            print(levels, jobs, *about_90(levels, jobs, seed=1), flush=True)
