"""When to stop warming up and when to stop sampling: pure functions of the samples."""

from collections.abc import Sequence
from statistics import median

from ngtbench.analysis import statistics
from ngtbench.model.record import Health

TARGET = 0.01  # relative half-width of the median's 95 % interval at which sampling stops
STEADY = 5  # samples whose spread decides that the warm-up is over
MIN_SAMPLES = 10
MIN_S = 0.5
AUTOCORRELATED = 0.5
DRIFT = 0.01
CLOCK = 0.05
OVERHEAD = 0.05


def steady(samples: Sequence[float]) -> bool:
    """Tell whether the last five samples lie within 1 % of their median."""
    last = samples[-STEADY:]
    return len(last) == STEADY and max(last) - min(last) <= 2 * TARGET * median(last)


def enough(samples: Sequence[float], spent_s: float) -> bool:
    """Tell whether the median is known to 1 % from at least ten samples over at least half a second."""
    if len(samples) < MIN_SAMPLES or spent_s < MIN_S:
        return False
    return half_width(samples) <= TARGET


def half_width(samples: Sequence[float]) -> float:
    """Return half the median's 95 % interval over the median; half the range where there are too few samples for one."""
    low, high = statistics.median_interval(samples) or (min(samples), max(samples))
    middle = median(samples)
    return (high - low) / (2 * middle) if middle > 0 else 0.0


def flags(samples: Sequence[float], sample_s: float, resolution_s: float, overhead_s: float = 0.0) -> dict[str, float]:
    """Return what a reader must know, each with its figure.

    `not_converged`: half-width reached; `drift`: change over the run by Theil-Sen slope, over the median;
    `autocorrelated`: lag-1 autocorrelation; `timer_coarse`: resolution over the length of a sample; `overhead`: what an empty
    call costs over what this one does.
    """
    found = {}
    reached = half_width(samples)
    if reached > TARGET or len(samples) < MIN_SAMPLES:
        found["not_converged"] = reached
    change = slope(samples) * len(samples) / median(samples) if median(samples) > 0 else 0.0
    if abs(change) > DRIFT:
        found["drift"] = change
    together = statistics.lag1(samples)
    if abs(together) > AUTOCORRELATED:
        found["autocorrelated"] = together
    if resolution_s > sample_s / 1000:
        found["timer_coarse"] = resolution_s / sample_s
    if overhead_s > OVERHEAD * median(samples):
        found["overhead"] = overhead_s / median(samples)
    return found


def moved(before: Health, after: Health) -> dict[str, float]:
    """Return `clock_moved`, the change of the device's clock over the window, where it is beyond 5 %."""
    if not before.clock_hz or not after.clock_hz:
        return {}
    change = after.clock_hz / before.clock_hz - 1
    return {"clock_moved": change} if abs(change) > CLOCK else {}


def slope(samples: Sequence[float]) -> float:
    """Return the Theil-Sen slope per sample: the median of pairwise slopes, of at most 200 evenly spaced samples."""
    step = max(1, len(samples) // 200)
    points = [(index, samples[index]) for index in range(0, len(samples), step)]
    slopes = [(b - a) / (j - i) for n, (i, a) in enumerate(points) for j, b in points[n + 1 :]]
    return median(slopes) if slopes else 0.0
