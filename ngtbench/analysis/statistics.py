"""Intervals of medians: order statistics with the effective number of samples."""

import math
from collections.abc import Sequence
from statistics import fmean

MIN_SAMPLES = 6  # below, no pair of order statistics covers the median with 95 %


def lag1(samples: Sequence[float]) -> float:
    """Return the lag-1 autocorrelation; 0 for fewer than three samples or equal ones."""
    mean = fmean(samples)
    spread = sum((x - mean) ** 2 for x in samples)
    if len(samples) < 3 or spread == 0:
        return 0.0
    return sum((a - mean) * (b - mean) for a, b in zip(samples, samples[1:], strict=False)) / spread


def effective_n(samples: Sequence[float]) -> float:
    """Return n (1 - r1) / (1 + r1), with negative r1 taken as 0: never more than there are."""
    together = min(max(lag1(samples), 0.0), 0.999)
    return len(samples) * (1 - together) / (1 + together)


def median_interval(samples: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of the median by order statistics; None from fewer than six samples.

    Ranks n/2 -+ 1.96 sqrt(n)/2 * sqrt(n / n_eff), the normal approximation of the binomial, widened for
    autocorrelation (measurement practice: n_eff samples decide, n of them are ranked).
    """
    n = len(samples)
    if n < MIN_SAMPLES:
        return None
    ordered = sorted(samples)
    half = 0.98 * n / math.sqrt(max(effective_n(samples), 1.0))
    low = max(math.floor(n / 2 - half), 0)
    high = min(math.ceil(n / 2 + half), n) - 1
    return ordered[low], ordered[max(high, low)]
