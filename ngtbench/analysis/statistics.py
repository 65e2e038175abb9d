"""Intervals of medians within a launch and over launches, with the effective number of samples."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from statistics import fmean, median, stdev

from ngtbench.model.comparison import Interval

MIN_SAMPLES = 6  # below, no pair of order statistics covers the median with 95 %
MIN_LAUNCHES = 3
MIN_JOBS = 3
WITHIN = "within one launch: does not contain the spread between launches"
WITHIN_JOB = "within one job: does not contain the spread between jobs"
TWO_JOBS = "two jobs: too few for the spread between them"
TWO = "two launches: the hull of both intervals, too few launches for the spread between them"
_Z = 1.959964
_EXACT = 400  # above, the normal approximation of the binomial gives the same ranks


def lag1(samples: Sequence[float]) -> float:
    """Return the lag-1 autocorrelation; 0 for fewer than three samples or equal ones."""
    if len(samples) < 3 or min(samples) == max(samples):  # equal samples have a mean that rounding moves
        return 0.0
    mean = fmean(samples)
    spread = math.fsum((x - mean) ** 2 for x in samples)
    if spread == 0:
        return 0.0
    return math.fsum((a - mean) * (b - mean) for a, b in pairwise(samples)) / spread


def effective_n(samples: Sequence[float]) -> float:
    """Return n (1 - r1) / (1 + r1), with negative r1 taken as 0: never more than there are."""
    together = min(max(lag1(samples), 0.0), 0.999)
    return len(samples) * (1 - together) / (1 + together)


def median_interval(samples: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of the median by order statistics; None from fewer than six samples.

    The ranks are the binomial's for the effective number of samples, stretched over those there are. With fewer than six
    effective samples it is the whole range, the widest there is.
    """
    n = len(samples)
    if n < MIN_SAMPLES:
        return None
    ordered = sorted(samples)
    independent = int(effective_n(samples) + 1e-9)
    rank = max(1, _rank(independent) * (n + 1) // (independent + 1)) if independent >= MIN_SAMPLES else 1
    return ordered[rank - 1], ordered[n - rank]


def quantiles(samples: Sequence[float]) -> tuple[float, ...]:
    """Return the 5, 25, 50, 75 and 95 % quantiles, linear between samples."""
    ordered = sorted(samples)
    found = []
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        place = share * (len(ordered) - 1)
        below = math.floor(place)
        above = min(below + 1, len(ordered) - 1)
        found.append(ordered[below] + (place - below) * (ordered[above] - ordered[below]))
    return tuple(found)


def interval(launches: Sequence[Sequence[float]], jobs: Sequence[str] = ()) -> Interval:
    """Return the value and 95 % interval of a metric from its samples, a sequence per launch, none empty.

    `jobs` names the job of each launch; without it all are of one. From three jobs on: the mean of the logarithms of job means,
    which are those of launch medians, with Student's t. Else from three launches on: the same of launch medians (of the medians
    themselves where one is not positive). From two: their mean, and the hull of both intervals. From one: its median by order
    statistics.
    """
    middles = [median(samples) for samples in launches]
    if (number := len(set(jobs))) >= MIN_JOBS:
        low, value, high = _student(list(job_means(middles, jobs).values()))
        method = f"geometric mean of {number} job means, Student t"
        return Interval(value, low, high, len(launches), sum(map(len, launches)), method, jobs=number)
    found = _within_jobs(launches, middles)
    lack = (TWO_JOBS,) if number == 2 else (WITHIN_JOB,) if len(launches) >= MIN_LAUNCHES else ()  # fewer lack that anyway
    return replace(found, lacks=(*found.lacks, *lack), jobs=max(1, number))


def job_means(middles: Sequence[float], jobs: Sequence[str]) -> dict[str, float]:
    """Return the mean of launch medians of each job, geometric where all are positive; sorted by job."""
    groups: dict[str, list[float]] = {}
    for job, middle in zip(jobs, middles, strict=True):
        groups.setdefault(job, []).append(middle)
    return {job: _centre(groups[job]) for job in sorted(groups)}


def repeatability(middles: Sequence[float]) -> float | None:
    """Return (p95 - p5) / median of launch medians, HEPScore's definition; None of fewer than three."""
    if len(middles) < MIN_LAUNCHES:
        return None
    low, _, middle, _, high = quantiles(middles)
    return (high - low) / middle if middle > 0 else None


def _within_jobs(launches: Sequence[Sequence[float]], middles: Sequence[float]) -> Interval:
    count = sum(map(len, launches))
    if len(launches) >= MIN_LAUNCHES:
        low, value, high = _student(middles)
        return Interval(value, low, high, len(launches), count, f"geometric mean of {len(launches)} launch medians, Student t")
    inner = [median_interval(samples) for samples in launches]
    bounds = [found for found in inner if found is not None]
    value = _centre(middles)
    if len(bounds) < len(launches):
        fewest = min(map(len, launches))
        words = f"too few for a 95 % interval: {fewest} sample{'s' if fewest > 1 else ''} in a launch"
        return Interval(value, None, None, len(launches), count, "median", (words,))
    low, high = min(bound[0] for bound in bounds), max(bound[1] for bound in bounds)
    if len(launches) == 1:
        return Interval(value, low, high, 1, count, f"median of {count} samples, order statistics", (WITHIN, *_few(launches)))
    return Interval(value, low, high, 2, count, "mean of two launch medians, order statistics", (TWO, *_few(launches)))


def _few(launches: Sequence[Sequence[float]]) -> tuple[str, ...]:
    fewest = min(effective_n(samples) for samples in launches)
    return (f"{fewest:.1f} independent samples: the whole range is given",) if fewest + 1e-9 < MIN_SAMPLES else ()


def _centre(values: Sequence[float]) -> float:
    if min(values) == max(values):
        return values[0]
    return math.exp(fmean(map(math.log, values))) if min(values) > 0 else fmean(values)


def _student(values: Sequence[float]) -> tuple[float, float, float]:
    """Return low, centre and high."""
    if min(values) == max(values):
        return values[0], values[0], values[0]
    positive = min(values) > 0
    scale = [math.log(value) for value in values] if positive else list(values)
    centre, half = fmean(scale), student_t(len(scale) - 1) * stdev(scale) / math.sqrt(len(scale))
    found = (centre - half, centre, centre + half)
    return (math.exp(found[0]), math.exp(found[1]), math.exp(found[2])) if positive else found


def student_p(t: float, degrees: int) -> float:
    """Return the two-sided tail of Student's t at integer degrees of freedom, by the finite sums of Abramowitz and Stegun.

    Equations 26.7.3 and 26.7.4 of the Handbook of Mathematical Functions (1964).
    """
    angle = math.atan(abs(t) / math.sqrt(degrees))
    odd = degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for k in range(odd + 1, degrees, 2):  # cos, 2/3 cos^3, ...: 1, 1/2 cos^2, ...
        total += term
        term *= math.cos(angle) ** 2 * k / (k + 1)
    inside = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return max(0.0, 1 - inside)


@cache
def student_t(degrees: int, confidence: float = 0.95) -> float:
    """Return the two-sided quantile of Student's t: |t| is below it with this probability."""
    low, high = 0.0, 1.0
    while student_p(high, degrees) > 1 - confidence:
        low, high = high, 2 * high
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if student_p(middle, degrees) > 1 - confidence else (low, middle)
    return (low + high) / 2


@cache
def _rank(n: int) -> int:
    """Return the largest r for which the r-th smallest and r-th largest of n samples cover the median with 95 %."""
    if n > _EXACT:
        return math.floor((n + 1 - _Z * math.sqrt(n)) / 2)
    rank, below = 0, 1  # below = number of the 2**n outcomes with fewer than rank + 1 samples under the median
    while 40 * below <= 2**n:
        rank += 1
        below += math.comb(n, rank)
    return rank
