"""What clients of a device did in the time that all of them ran: rates, latencies, fairness."""

from collections.abc import Sequence

import numpy as np

from ngtbench.model.sharing import Served
from ngtbench.model.workload import Array

LEAST_CALLS = 4  # of each client in a window, the warm-up beside: fewer are no rate


def window(served: Sequence[Served]) -> tuple[float, float]:
    """Return the seconds from which and until which all ran, the first call of each, its warm-up, left out."""
    return max(float(one.end_s[0]) for one in served), min(float(one.end_s[-1]) for one in served)


def rate(one: Served, start_s: float, stop_s: float) -> float:
    """Return events per second between two moments; of a call that is half inside, half its events."""
    inside_s = np.minimum(one.end_s, stop_s) - np.maximum(one.begin_s, start_s)
    calls = (np.maximum(inside_s, 0.0) / (one.end_s - one.begin_s)).sum()
    return float(one.events * calls / (stop_s - start_s))


def rates(served: Sequence[Served]) -> Array:
    """Return events per second of each client, in the time that all of them ran."""
    start_s, stop_s = window(served)
    return np.array([rate(one, start_s, stop_s) for one in served])


def latencies_s(served: Sequence[Served]) -> list[Array]:
    """Return the seconds of the calls of each client that began and ended in the time that all of them ran."""
    start_s, stop_s = window(served)
    return [(one.end_s - one.begin_s)[(one.begin_s >= start_s) & (one.end_s <= stop_s)] for one in served]


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


def long_enough_s(served: Sequence[Served], least_s: float) -> float:
    """Return the window in which the slowest client, by a first look, has calls enough."""
    return max(least_s, *((LEAST_CALLS + 1) * float((one.end_s - one.begin_s)[1:].max()) for one in served))
