"""What no schedule can beat, whatever order it takes: from the work, the longest path, and what devices must do."""

import math
from collections.abc import Collection

import numpy as np

from ngtbench.physics.scheduling.graph import Graph


def makespan_s(graph: Graph, events: int, threads: int, slots: int) -> float:
    """Return the least seconds for so many events: all threads busy, or one event after the other in each slot."""
    return max(events * graph.work_s / threads, math.ceil(events / slots) * graph.critical_s)


def events_per_s(
    graph: Graph,
    threads: int,
    slots: int,
    devices: int = 0,
    speedup: float = 1.0,
    offload: Collection[int] = (),
    choice: bool = False,
) -> float:
    """Return the highest rate that can last.

    With devices, which run the offloaded algorithms `speedup` times as fast as a thread: always there, or by `choice` on either.
    """
    runtimes_s, taken = graph.runtimes_s.copy(), np.array(sorted(offload), np.int64)
    off_s = float(runtimes_s[taken].sum()) if devices else 0.0
    if devices:
        runtimes_s[taken] /= max(speedup, 1.0) if choice else speedup  # a slow device need not be chosen
    critical_s = Graph(graph.names, runtimes_s, graph.edges).critical_s
    rates = [slots / critical_s if critical_s > 0 else math.inf]
    on_threads_s = graph.work_s - off_s
    if on_threads_s > 0:
        rates.append(threads / on_threads_s)
    if choice and devices and graph.work_s > 0:
        rates.append((threads + speedup * devices) / graph.work_s)
    elif off_s > 0:
        rates.append(devices * speedup / off_s)
    return min(rates)
