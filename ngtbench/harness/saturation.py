"""Where a batch saturates: calls of 16, 32, 64 ... events, until more events make no event cheaper."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ngtbench.errors import Unavailable
from ngtbench.harness.prepare import Prepared
from ngtbench.model.workload import Arrays, Clock

FIRST = 16  # events: a vector register or two
MOST = 1 << 22
SHARE = 0.25  # of the time that sampling took
SAMPLES = 5
MIN_SAMPLE_S = 100e-6
GAIN = 0.02  # of the rate; two doublings in a row with less are the end
_FLAT = 2


def batches(clock: Clock, prepared: Prepared, sampled_s: float) -> tuple[dict[int, tuple[float, ...]], str | None]:
    """Return seconds per call by events of a call, and why there are none or no more.

    What a batch computes must be what the run computes of the same events, within the tolerance.
    """
    make = prepared.batches
    if make is None:
        return {}, None
    taken, rates, flat = dict[int, tuple[float, ...]](), list[float](), 0
    wanted = _fetched(prepared, prepared.run())
    begin, events = time.perf_counter(), FIRST
    while flat < _FLAT and events <= MOST:
        if rates and time.perf_counter() - begin > SHARE * sampled_s:
            return taken, f"time ran out at {events} events"
        try:
            run = make(events)
            if not _agree(_fetched(prepared, run()), wanted, prepared.workload.tolerance[prepared.case.dtype]):
                return {}, f"a call of {events} events computes something else"
            taken[events] = _timed(clock, run)
        except (MemoryError, Unavailable) as error:
            return taken, f"no memory for {events} events: {error}"
        rates.append(
            events / max(min(taken[events]), clock.resolution_s)
        )  # of a few samples the least is the one that nothing disturbed
        flat = flat + 1 if rates[-1] < (1 + GAIN) * max(rates[:-1], default=0.0) else 0
        events *= 2
    return taken, None


def _timed(clock: Clock, run: Callable[[], Any]) -> tuple[float, ...]:
    once_s = max(clock.time(run, 1).wall_s, clock.resolution_s)
    calls = max(1, round(MIN_SAMPLE_S / once_s))
    return tuple(clock.time(run, calls).wall_s / calls for _ in range(SAMPLES))


def _fetched(prepared: Prepared, outputs: Arrays) -> dict[str, Any]:
    return {name: np.array(prepared.backend.get(array)) for name, array in outputs.items()}


def _agree(got: Mapping[str, Any], wanted: Mapping[str, Any], tolerance: float) -> bool:
    """Tell whether both are the same for the events that both have."""
    for name, array in wanted.items():
        both = min(len(array), len(got[name]))
        if not both or not np.allclose(got[name][:both], array[:both], rtol=tolerance, atol=0.0):
            return False
    return True
