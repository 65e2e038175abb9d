"""From how many events in a call on no event gets cheaper, by calls of 16, 32, 64 ... events."""

import math
from collections.abc import Mapping, Sequence

REACHED = 0.95  # of the best rate
GAIN = 0.02


def saturation(launches: Sequence[Mapping[int, Sequence[float]]]) -> tuple[int, bool] | None:
    """Return the least number of events that reaches 95 % of the best rate, and True; the most, and False, if it still grew.

    Of seconds per call by events, a mapping per launch; the least time of all launches counts, for it is the undisturbed one.
    A time that is not positive does not count. None where nothing was taken.
    """
    best_s: dict[int, float] = {}
    for launch in launches:
        for events, samples in launch.items():
            least_s = min((sample for sample in samples if sample > 0), default=math.inf)
            if events > 0 and least_s < best_s.get(events, math.inf):
                best_s[events] = least_s
    rates = {events: events / seconds for events, seconds in sorted(best_s.items())}
    if not rates:
        return None
    *before, last = rates.values()
    if not before or last >= (1 + GAIN) * max(before):
        return max(rates), False
    return next(events for events, rate in rates.items() if rate >= REACHED * max(before)), True
