"""The ratio of two results with its 95 % interval, and whether it can be told from 1, alone and among others.

Between jobs: Welch's t on the logarithms of job means. Else both sides' own intervals in quadrature, on logarithms, upward and
downward apart. They lack the spread between jobs: a stated spread stands for it, or that of the launches where it is more, and
up to three times it nothing is told from 1. `docs/methodology.md` has how often the intervals cover the true ratio.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from ngtbench.analysis.statistics import MIN_JOBS, student_p, student_t
from ngtbench.model.comparison import Basis, Interval, Result

STATED_SPREAD = 0.025  # sd between a side's jobs, of logarithms, where too few jobs show their own
CLEAR = 3.0  # times the spread of a ratio: up to there, within one job, nothing is told from 1
LEVEL = 0.05  # chance that any comparison of a table is wrongly told from 1
_Z = 1.959964
_ROUNDING = 1e-12  # what differs by less is equal


@dataclass(frozen=True)
class Ratio:
    """`p` is of equality, two-sided; where the basis is not "between jobs" it supposes a spread between them."""

    value: float
    low: float | None
    high: float | None
    basis: Basis
    p: float | None  # None: no interval


def ratio(a: Result, b: Result) -> Ratio:
    """Return the speed of B over that of A; both done, with figures that are positive."""
    left, right = a.figure, b.figure
    assert a.metric is not None and left is not None and right is not None  # done results have a figure
    jobs_a, jobs_b = ([mean for _, mean in result.jobs] for result in (a, b))
    if a.metric.better == "higher":
        left, right, jobs_a, jobs_b = right, left, jobs_b, jobs_a
    if min(len(jobs_a), len(jobs_b)) >= MIN_JOBS:
        middle, half, p = between_jobs(jobs_a, jobs_b)
        return Ratio(math.exp(middle), math.exp(middle - half), math.exp(middle + half), "between jobs", p)
    basis: Basis = "within one job" if min(left.launches, right.launches) > 1 else "within one launch"
    value, found = left.value / right.value, ratio_interval(left, right)
    if found is None:
        return Ratio(value, None, None, basis, None)
    return Ratio(value, *found, basis, supposed_p(value, *found, math.hypot(supposed_spread(a), supposed_spread(b))))


def between_jobs(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    """Return log A - log B of job means, the half-width of its 95 % interval, and p; two jobs a side at least.

    Welch (1947), Biometrika 34, 28, with Satterthwaite's degrees of freedom, rounded down to a whole number.
    """
    (mean_a, share_a), (mean_b, share_b) = _moments(a), _moments(b)
    middle, variance = mean_a - mean_b, share_a + share_b
    equal = abs(middle) < _ROUNDING
    if variance == 0:
        return middle, 0.0, float(equal)
    together = variance**2 / (share_a**2 / (len(a) - 1) + share_b**2 / (len(b) - 1))
    degrees = max(min(len(a), len(b)) - 1, math.floor(together + 1e-9))
    error = math.sqrt(variance)
    return middle, student_t(degrees) * error, 1.0 if equal else student_p(middle / error, degrees)


def ratio_interval(a: Interval, b: Interval) -> tuple[float, float] | None:
    """Return the 95 % interval of a.value / b.value; None where a side has none, or one that is not positive."""
    if a.low is None or a.high is None or b.low is None or b.high is None or min(a.low, b.low) <= 0:
        return None
    middle = math.log(a.value / b.value)
    down = math.hypot(math.log(a.value / a.low), math.log(b.high / b.value))
    up = math.hypot(math.log(a.high / a.value), math.log(b.value / b.low))
    return math.exp(middle - down), math.exp(middle + up)


def holm(chances: Sequence[float]) -> list[bool]:
    """Tell which of these p differ, so that with 95 % none does by chance.

    Holm (1979), Scand. J. Statist. 6, 65: from the smallest on, until one exceeds 5 % over those that are left.
    """
    differs = [False] * len(chances)
    for done, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        if chances[place] > LEVEL / (len(chances) - done):
            break
        differs[place] = True
    return differs


def supposed_p(value: float, low: float, high: float, spread: float) -> float:
    """Return p with this sd between jobs added to the interval's own; 1 up to three times it."""
    distance = abs(math.log(value))
    if distance <= CLEAR * spread:
        return 1.0
    toward = math.log(value / low) if value > 1 else math.log(high / value)
    return math.erfc(distance / math.hypot(toward / _Z, spread) / math.sqrt(2))


def supposed_spread(result: Result) -> float:
    """Return the sd between jobs that is supposed of a side: jobs seldom differ less than launches of one job do."""
    medians = result.launch_medians
    own = stdev(map(math.log, medians)) if len(medians) > 1 and min(medians) > 0 else 0.0
    return max(STATED_SPREAD, own)


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of the logarithms and its variance."""
    logs = [math.log(value) for value in values]
    mean = fmean(logs)
    return mean, math.fsum((x - mean) ** 2 for x in logs) / (len(logs) - 1) / len(logs)
