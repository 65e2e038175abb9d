"""When to stop warming up and when to stop sampling, and what a reader must know: pure functions of the samples."""

import math
from collections.abc import Sequence
from statistics import median

from ngtbench.analysis import statistics
from ngtbench.model.record import Health

TARGET = 0.01  # relative half-width of the median's 95 % interval at which sampling stops
STEADY = 5  # samples whose spread decides that the warm-up is over
MIN_SAMPLES = 10
LEAST_SAMPLES = 3  # of a case longer than its budget
MIN_S = 0.5
AUTOCORRELATED = 0.5
DRIFT = 0.01
CLOCK = 0.05
STEPPED = 0.01
OVERHEAD = 0.05
STEPS = 1000  # of the timer that a sample should be long
EMPTIES = 5  # empty samples, to tell what timing itself costs
_BLOCKS = 20
_Z = 2.576  # two-sided 1 %: one quiet case in a hundred is flagged by chance


def steady(samples: Sequence[float]) -> bool:
    """Tell whether the last five samples lie within 1 % of their median."""
    last = samples[-STEADY:]
    return len(last) == STEADY and max(last) - min(last) <= 2 * TARGET * median(last)


def enough(samples: Sequence[float], step: float) -> bool:
    """Tell whether the median is known to 1 % from at least ten samples; `step` is the timer's over a sample."""
    return len(samples) >= MIN_SAMPLES and known(samples, step) <= TARGET


def known(samples: Sequence[float], step: float) -> float:
    """Return how well the median is known, as a share of it: its interval's half-width, and no less than half a timer step."""
    return max(half_width(samples), step / 2)


def half_width(samples: Sequence[float]) -> float:
    """Return half the median's 95 % interval over the median; half the range where there are too few samples for one.

    One sample by itself says nothing: 1.
    """
    if len(samples) < 2:
        return 1.0
    low, high = statistics.median_interval(samples) or (min(samples), max(samples))
    middle = median(samples)
    return (high - low) / (2 * middle) if middle > 0 else 0.0


def flags(samples: Sequence[float], sample_s: float, resolution_s: float, overhead: float = 0.0) -> dict[str, float]:
    """Return what a reader must know, each with its figure.

    `not_converged`: how well the median is known; `drift`: change over the run, over the median; `autocorrelated`: lag-1
    autocorrelation; `timer_coarse`: resolution over the length of a sample; `overhead`: what an empty call takes over what this
    one does, as given.
    """
    found = {}
    step = resolution_s / sample_s
    if not enough(samples, step):
        found["not_converged"] = known(samples, step)
    change = drift(samples)
    if abs(change) > DRIFT:
        found["drift"] = change
    together = statistics.lag1(samples)
    if abs(together) > max(AUTOCORRELATED, _Z / math.sqrt(len(samples))):
        found["autocorrelated"] = together
    if step > 1 / STEPS:
        found["timer_coarse"] = step
    if overhead > OVERHEAD:
        found["overhead"] = overhead
    return found


def drift(samples: Sequence[float]) -> float:
    """Return the change over the run, over the median, by the Theil-Sen slope of at most 20 blocks' medians.

    0 where Kendall's test does not tell the order of the blocks from chance at 1 %: noise has a slope too.
    """
    total, count = len(samples), min(_BLOCKS, len(samples))
    blocks = [median(samples[k * total // count : (k + 1) * total // count]) for k in range(count)]
    steps = [(later - earlier, j - i) for i, earlier in enumerate(blocks) for j, later in enumerate(blocks[i + 1 :], start=i + 1)]
    score = abs(sum((step > 0) - (step < 0) for step, _ in steps))
    chance = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    if score - 1 <= _Z * chance or median(samples) <= 0:
        return 0.0
    return median(step / apart for step, apart in steps) * count / median(samples)


def moved(before: Health, after: Health) -> dict[str, float]:
    """Return `clock_moved`, the change of the device's clock over the window, where it is beyond 5 %.

    A GPU that was at rest at one end only had another clock there by itself.
    """
    resting = ["gpu_idle" in (health.throttle or ()) for health in (before, after)]
    if not before.clock_hz or not after.clock_hz or resting[0] != resting[1]:
        return {}
    change = after.clock_hz / before.clock_hz - 1
    return {"clock_moved": change} if abs(change) > CLOCK else {}


def stepped(timer_s: float, raw_s: float) -> dict[str, float]:
    """Return `timer_stepped`, by how much the timer counted too many or too few seconds of the window, beyond 1 %.

    A smaller step is in one sample or two, and medians do not see it. `raw_s` are the seconds of a clock that nobody sets.
    """
    change = timer_s / raw_s - 1 if raw_s > 0 else 0.0
    return {"timer_stepped": change} if abs(change) > STEPPED else {}
