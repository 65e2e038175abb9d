"""What share of a whole its parts take, and how much faster it would be if one cost nothing: Amdahl's law, from results alone.

Two wholes have their parts in records: a chain from random numbers to results on the host, beside the same matrix elements
alone; and a call that runs on a device, beside the time between two events on it. The parts of a solver are not in records: how
often it applies its operator depends on the method. Amdahl (1967), AFIPS 30, 483.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ngtbench.analysis.ratio import ratio_interval
from ngtbench.model.comparison import Result

CHAIN = "-chain"  # how sizes end that hold the same problem from random numbers to results on the host
DEVICE = "device_s"


@dataclass(frozen=True)
class Part:
    """A part of a whole; `speedup` of the whole is a bound that no improvement of the part can pass.

    The interval is of both sides in quadrature, which is too wide where they were timed together. No speed-up where the share
    is not below 1: then `reason` says so.
    """

    whole: Result
    part: Result  # where its time is from
    what: str
    share: float
    low: float | None
    high: float | None
    speedup: float | None
    reason: str | None = None


def parts(results: Sequence[Result]) -> tuple[Part, ...]:
    """Return the parts of every whole among the done results of one machine that no profiler watched."""
    done = [one for one in results if one.status == "done" and one.profiler is None and "wall_s" in one.intervals]
    found: list[Part] = []
    for whole in done:
        if whole.case.size.endswith(CHAIN):
            alone = _alone(whole, done)
            found += _both(whole, alone, "wall_s", "matrix elements", "all but matrix elements") if alone else ()
        if DEVICE in whole.intervals and whole.family != "system":
            found += _both(whole, whole, DEVICE, "work on the device", "all but work on the device")
    return tuple(found)


def _alone(whole: Result, done: Sequence[Result]) -> Result | None:
    """Return the same problem without its chain: by its size's name, else the size that a variant without a name is of.

    Both count the same FLOP per event, else they are other processes.
    """
    variant = whole.case.size.removesuffix(CHAIN)
    for size in (variant, variant.partition("-")[0]):
        case = replace(whole.case, size=size)
        for one in done:
            if (one.case, one.resources) == (case, whole.resources) and _per_event(one) == _per_event(whole):
                return one
    return None


def _both(whole: Result, part: Result, metric: str, what: str, rest: str) -> tuple[Part, Part]:
    """Return a part and the rest, by their times per event."""
    took, all_s = part.intervals[metric], whole.intervals["wall_s"]
    events = 1.0 if part is whole or not whole.work or not part.work else whole.work.events / part.work.events
    share = events * took.value / all_s.value if all_s.value > 0 else 0.0
    bounds = ratio_interval(took, all_s)
    low, high = (events * bounds[0], events * bounds[1]) if bounds else (None, None)
    return (
        _part(whole, part, what, share, low, high),
        _part(whole, part, rest, 1 - share, None if high is None else 1 - high, None if low is None else 1 - low),
    )


def _part(whole: Result, part: Result, what: str, share: float, low: float | None, high: float | None) -> Part:
    if not 0 <= share < 1:
        reason = f"{part.case.size} alone takes as long as the whole: nothing is left to tell a part from"
        return Part(whole, part, what, share, low, high, None, reason)
    return Part(whole, part, what, share, low, high, 1 / (1 - share))


def _per_event(result: Result) -> tuple[float, str] | None:
    work = result.work
    return None if work is None or work.events <= 0 or work.flop <= 0 else (work.flop / work.events, work.event)


def bounds(part: Part) -> tuple[float, float | None] | None:
    """Return the 95 % interval of the speed-up; no upper end where the share may be all, None where there is no interval."""
    if part.low is None or part.high is None or part.speedup is None:
        return None
    return 1 / (1 - max(0.0, part.low)), None if part.high >= 1 else 1 / (1 - part.high)
