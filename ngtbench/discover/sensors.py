"""What measures a device's energy: counters and gauges, with what is known of their lateness and tolerance."""

from collections.abc import Callable
from dataclasses import dataclass

from ngtbench.discover.answers import Unread

_MOST_W = 1000.0  # more than any processor package draws: tells a counter that wrapped from one that was reset


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """What every sensor states of itself."""

    name: str
    late_s: float  # a value may be this old when it is read
    tolerance: float | None  # share by which the sensor may be off; None where no source tells
    window_s: float  # least window that it needs
    rest_s: float  # window for idle power
    remark: str = ""  # what a reader must know of every value


@dataclass(frozen=True, kw_only=True)
class Counter(Sensor):
    """Counts energy in `unit_j`, one count per part of the device; the energy is the sum of the parts' differences."""

    counts: Callable[[], tuple[int, ...]]  # raises Unread
    unit_j: float
    ranges: tuple[int, ...] = ()  # a count starts again at 0 beyond its range; empty: none ever does
    watts: Callable[[], float] | None = None  # the device's power, to see whether it has settled


@dataclass(frozen=True, kw_only=True)
class Gauge(Sensor):
    """Shows power, which has to be integrated."""

    watts: Callable[[], float]  # raises Unread
    every_s: float  # how often a look is worth it


def spent_j(counter: Counter, first: tuple[int, ...], last: tuple[int, ...], window_s: float) -> float:
    """Return the energy between two readings.

    Raises Unread where they do not tell it: a counter that stood still, went back, or may have wrapped twice.
    """
    total = 0
    for part, (before, after) in enumerate(zip(first, last, strict=True)):
        change = after - before
        if counter.ranges:
            size = counter.ranges[part]
            if (window_s + counter.late_s) * _MOST_W >= size * counter.unit_j:
                raise Unread(f"the counter may have wrapped twice within {window_s:.0f} s")
            if change < 0:
                change += size
                if change < 0 or change * counter.unit_j > (window_s + counter.late_s) * _MOST_W:
                    raise Unread("the counter went back: it was reset")
        if change < 0:
            raise Unread("the counter went back: it was reset")
        total += change
    if total == 0:
        raise Unread(f"the counter stood still for {window_s:.2g} s")
    return total * counter.unit_j
