"""What clients of a device did in the time that all of them ran: rates, latencies, fairness."""

from collections.abc import Sequence

import numpy as np

from ngtbench.model.sharing import Served
from ngtbench.model.workload import Array

LEAST_CALLS = 3  # of each client in a window, the warm-up beside, as far as a first look can tell
WHOLE_CALLS = 2  # of each client in the time that all ran: fewer are no rate


def window(served: Sequence[Served]) -> tuple[float, float]:
    """Return the seconds from which and until which all ran, the first call of each, its warm-up, left out."""
    return max(float(one.end_s[0]) for one in served), min(float(one.end_s[-1]) for one in served)


def whole(served: Sequence[Served]) -> list[Array]:
    """Return the seconds of the calls of each client that began and ended in the time that all of them ran.

    Of a call that is cut nobody knows how far it was: once others are done, the rest of it is faster.
    """
    start_s, stop_s = window(served)
    return [(one.end_s - one.begin_s)[(one.begin_s >= start_s) & (one.end_s <= stop_s)] for one in served]


def rates(served: Sequence[Served]) -> Array:
    """Return events per second of each client, by its whole calls in the time that all of them ran."""
    return np.array([one.events / calls_s.mean() for one, calls_s in zip(served, whole(served), strict=True)])


def tail_s(latencies: Array) -> float:
    """Return the 99th percentile."""
    return float(np.quantile(latencies, 0.99))


def fairness(of: Array) -> float:
    """Return the least over the most: 1 where all are served alike."""
    return float(of.min() / of.max())


def jain(of: Array) -> float:
    """Return Jain's index, (sum x)^2 / (n sum x^2): 1 where all are served alike, 1/n where one has all.

    Source: R. Jain, D.-M. Chiu, W. Hawe, DEC-TR-301 (1984).
    """
    return float(of.sum() ** 2 / (len(of) * (of**2).sum()))


def memory_b(served: Sequence[Served]) -> int:
    """Return the memory of processes of the same program together: what they share counts once."""
    return sum(one.memory_b - one.shared_b for one in served) + max(one.shared_b for one in served)


def long_enough_s(served: Sequence[Served], least_s: float) -> float:
    """Return the window in which the slowest client, by a first look, has calls enough."""
    return max(least_s, *((LEAST_CALLS + 1) * float((one.end_s - one.begin_s)[1:].max()) for one in served))
