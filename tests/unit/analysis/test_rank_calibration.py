"""A stated chance of being first is how often that comes true in close races, on four levels of noise, with sessions per job.

Of every comparison true speeds are drawn, flat over a range some times wider than what the noise leaves of a difference. A job
has one session and one drift, which all its cases share; its score is the mean of its cases, each the mean of its launches.
Run as a program, it prints the tables of `docs/methodology.md`.
"""

import numpy as np
import pytest

from ngtbench.analysis.ratio import STATED_SPREAD, holm
from ngtbench.analysis.robustness import Known, ahead, by_jobs, chances
from ngtbench.model.workload import Array
from tests.unit.analysis.noise import LEVELS, in_jobs

CASES, LAUNCHES = 3, 3
CLOSE = 2.0  # true speeds lie within so many standard errors, either way
OUTLIER, FAR = 1 / 7, 4.0  # chance that a job is slower by so many standard deviations
TRIALS, ENOUGH = 12_000, 1500
ABOUT_90 = (0.85, 0.95)
HELD = (0.87, 0.93)


def scores(draw: np.random.Generator, level: str, jobs: int, trials: int, outlier: float = 0.0) -> Array:
    """Return (trials, jobs) logarithms of speed whose true value is 0: what disturbs a machine on average is part of it."""
    medians = in_jobs(draw, LEVELS[level], trials, [CASES * LAUNCHES] * jobs).reshape(trials, jobs, LAUNCHES, CASES)
    found = -medians.mean(axis=(2, 3))
    found -= FAR * found.std() * (draw.random(found.shape) < outlier)
    centred: Array = found - found.mean()
    return centred


def stated(
    levels: tuple[str, ...], jobs: int, seed: int, trials: int, reach: float = CLOSE, outlier: float = 0.0
) -> tuple[Array, Array]:
    """Return per comparison the chance stated for the one stated first, and whether it is."""
    draw = np.random.default_rng(seed)
    noise = np.stack([scores(draw, level, jobs, trials, outlier) for level in levels], axis=1)  # (trials, systems, jobs)
    error = float(noise.mean(axis=2).std(axis=0).max())
    true = draw.uniform(-reach * error, reach * error, (trials, len(levels), 1))
    said = np.array([chances([by_jobs(float(one.mean()), one.tolist()) for one in systems]) for systems in true + noise])
    return said.max(axis=1), said.argmax(axis=1) == true[..., 0].argmax(axis=1)


def about_90(said: Array, right: Array) -> tuple[float, float, int]:
    """Return the mean chance stated, the share that was right, and the number, of comparisons that are stated about 90 %."""
    there = (said > ABOUT_90[0]) & (said < ABOUT_90[1])
    return float(said[there].mean()), float(right[there].mean()), int(there.sum())


@pytest.mark.parametrize("jobs", [3, 5])
@pytest.mark.parametrize("level", LEVELS)
def test_ninety_per_cent_is_right_in_ninety_close_races(level: str, jobs: int) -> None:
    said, right, number = about_90(*stated((level, level), jobs, 20261127 + jobs, TRIALS))
    assert number >= ENOUGH
    assert said == pytest.approx(0.9, abs=0.015)
    assert HELD[0] <= right <= HELD[1]


def told_of_equals(level: str, systems: int, jobs: int, seed: int, trials: int) -> tuple[float, float]:
    """Return the shares of rankings of equal systems in which the first is told from any rival, and from every one."""
    draw = np.random.default_rng(seed)
    noise = np.stack([scores(draw, level, jobs, trials) for _ in range(systems)], axis=1)
    some = every = 0
    for ranking in noise:
        known = [Known(float(one.mean()), tuple(one.tolist()), 0.0, STATED_SPREAD) for one in ranking]
        known.sort(key=lambda one: -one.score)
        told = holm([ahead(known[0], rival)[2] for rival in known[1:]])
        some += any(told)
        every += all(told)
    return some / trials, every / trials


@pytest.mark.parametrize("jobs", [3, 5])
@pytest.mark.parametrize("level", LEVELS)
def test_of_equal_systems_none_is_told_from_the_first(level: str, jobs: int) -> None:
    some, every = told_of_equals(level, 3, jobs, 20261127, 1000)
    assert 0 < some <= 0.065  # 5 % and two standard errors
    assert every <= 0.02


def print_table() -> None:
    """Print per line what is stated and right, of how many."""
    two = ("typical", "typical")
    lines: list[tuple[tuple[str, ...], float, float]] = [((level, level), CLOSE, 0.0) for level in LEVELS]
    lines += [(("quiet", "noisy"), CLOSE, 0.0), *((two, reach, 0.0) for reach in (1.0, 4.0, 8.0)), (two, CLOSE, OUTLIER)]
    lines += [(("typical",) * systems, CLOSE, 0.0) for systems in (4, 8)]
    for levels, reach, outlier in lines:
        for jobs in (3, 5, 7) if outlier else (3, 5):
            print(levels, reach, outlier, jobs, about_90(*stated(levels, jobs, 1, 40_000, reach, outlier)), flush=True)
    for systems in (2, 4, 8):
        for jobs in (3, 5):
            print("equal", systems, jobs, *(told_of_equals(level, systems, jobs, 1, 4000) for level in LEVELS), flush=True)


if __name__ == "__main__":
    print_table()
