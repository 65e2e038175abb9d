"""Whether a candidate is slower than its baseline, from pairs of launches: pass, fail, inconclusive, or go on.

Log ratios of one metric, candidate over baseline, oriented so that above 0 is worse, one per pair of process launches that ran
one after the other. The estimate is their 10 % trimmed mean with a 99 % interval of Student's t on winsorised deviations
(Yuen 1974, Biometrika 61, 165), for bursts of other people's load wreck means. It is looked at from six pairs on, every two.
`docs/methodology.md` states how often this is wrong, by simulation.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

from ngtbench.analysis.statistics import student_p, student_t
from ngtbench.model.gate import Decision, Modes, State
from ngtbench.units import percent

MIN_PAIRS = 6
STEP = 2
TRIM = 0.1
CONFIDENCE = 0.99
TIGHT = 0.02  # half-width at which the estimate itself decides
TIGHTER = 0.4  # of the tolerance, where that is less: else what is twice a small tolerance would pass by chance
CLEAR = 0.03  # a wide interval fails before the last look only if it lies above this
_NORMAL = 500  # degrees from which on Student's t moves by less than 0.3 %
_GAP = 5.0  # a gap this many times the median gap parts two modes


def decide(log_ratios: Sequence[float], *, tolerance: float = 0.05, max_pairs: int = 40) -> Decision:
    """Judge the pairs there are.

    `tolerance` is half the slowdown that must be caught. "inconclusive" comes only at `max_pairs`, or where a ratio is not a
    number. Raises ValueError where the tolerance or the number of pairs is not positive.
    """
    if not tolerance > 0 or max_pairs < 1:
        raise ValueError(f"tolerance {tolerance} and max_pairs {max_pairs} must be positive")
    pairs = len(log_ratios)
    broken = [ratio for ratio in log_ratios if not math.isfinite(ratio)]
    if broken:
        reason = f"{len(broken)} of {pairs} ratios are not numbers: nothing can be said of them"
        return Decision("inconclusive", pairs, None, None, None, None, None, tolerance, reason)
    last = pairs >= max_pairs
    if pairs < 2:
        state: State = "inconclusive" if last else "continue"
        reason = f"{pairs} of at least {MIN_PAIRS} pairs"
        return Decision(state, pairs, log_ratios[0] if pairs else None, None, None, None, None, tolerance, reason)
    estimate, half, sd, degrees = trimmed(log_ratios)
    p = student_p(estimate / (half / student_t(degrees, CONFIDENCE)), degrees) if half > 0 else float(estimate == 0)
    if pairs < MIN_PAIRS or (pairs % STEP and not last):
        state = "inconclusive" if last else "continue"
        reason = f"{pairs} of at least {MIN_PAIRS} pairs" if pairs < MIN_PAIRS else f"looked at every {STEP} pairs"
    else:
        state, reason = _judge(estimate, half, tolerance, last)
    return Decision(state, pairs, estimate, half, p, sd, pairs_needed(sd), tolerance, reason)


def trimmed(values: Sequence[float]) -> tuple[float, float, float, int]:
    """Return trimmed mean, half-width of its 99 % interval, sd of one value as the interval implies it, degrees of freedom."""
    count = len(values)
    cut = math.floor(TRIM * count)
    ordered = sorted(values)
    winsorised = [min(max(value, ordered[cut]), ordered[count - 1 - cut]) for value in ordered]
    mean = fmean(winsorised)
    spread = math.fsum((value - mean) ** 2 for value in winsorised)
    sd = 0.0 if winsorised[0] == winsorised[-1] else math.sqrt(spread / (count - 1)) / (1 - 2 * cut / count)
    degrees = count - 2 * cut - 1
    return fmean(ordered[cut : count - cut]), student_t(degrees, CONFIDENCE) * sd / math.sqrt(count), sd, degrees


def pairs_needed(sd: float) -> int:
    """Return how many pairs of this sd give a half-width of 2 %, untrimmed; at most 10000."""

    def wide(count: int) -> bool:
        return student_t(min(count, _NORMAL) - 1, CONFIDENCE) * sd / math.sqrt(count) > TIGHT

    return bisect_left(range(10_000), True, lo=MIN_PAIRS, key=lambda count: not wide(count))


def modes(values: Sequence[float], tolerance: float = 0.05) -> Modes | None:
    """Return the two groups that launches fall into; None where they are one.

    The largest gap of the sorted logarithms must exceed five times the median gap and log(1 + tolerance), and leave two
    launches at least on either side: a single slow launch is no mode. Needs six positive values.
    """
    if len(values) < MIN_PAIRS or min(values) <= 0:
        return None
    ordered = sorted(values)
    gaps = [math.log(b / a) for a, b in pairwise(ordered)]
    widest = max(gaps)
    at = gaps.index(widest) + 1
    if widest <= _GAP * median(gaps) or widest <= math.log1p(tolerance) or not 2 <= at <= len(ordered) - 2:
        return None
    return Modes(tuple(ordered[:at]), tuple(ordered[at:]))


def _judge(estimate: float, half: float, tolerance: float, last: bool) -> tuple[State, str]:
    limit = math.log1p(tolerance)
    tight = half < min(TIGHT, TIGHTER * tolerance)
    if estimate - half > 0 and estimate > limit and (tight or estimate - half > math.log1p(CLEAR) or last):
        return "fail", f"worse by more than {percent(tolerance)}, and the interval excludes no change"
    if estimate + half < limit:
        return "pass", f"the interval lies below {percent(tolerance)}"
    if tight and estimate < limit:
        return "pass", f"known to {percent(half)}, and below {percent(tolerance)}"
    if last:
        return "inconclusive", f"the interval still holds {percent(tolerance)} after as many pairs as were allowed"
    return "continue", "not yet known well enough"
