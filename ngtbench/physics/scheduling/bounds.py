"""What no schedule can beat, whatever order it takes: from the work, the longest path, and what devices must do."""

import math
from collections.abc import Collection

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.scheduling.graph import Graph

SLOWEST, FASTEST = 1e-6, 1e9  # a device, times a thread


def makespan_s(graph: Graph, events: int, threads: int, slots: int) -> float:
    """Return the least seconds for so many events: all threads busy, or one event after the other in each slot."""
    _check(events, threads, slots)
    return max(events * graph.work_s / threads, math.ceil(events / slots) * graph.critical_s)


def offloaded_s(
    graph: Graph, events: int, threads: int, slots: int, devices: int, device_s: Array, choice: bool = False
) -> float:
    """Return the least seconds for so many events with devices, which take `device_s` for an algorithm; infinite: they cannot.

    What they can do is done there always, or by `choice` on either.
    """
    off, rounds = np.isfinite(device_s), math.ceil(events / slots)
    off_s, there_s = float(graph.runtimes_s[off].sum()), float(device_s[off].sum())
    chosen_s = np.where(off, np.minimum(device_s, graph.runtimes_s) if choice else device_s, graph.runtimes_s)
    longest_s = rounds * Graph(graph.names, chosen_s, graph.edges).critical_s
    on_threads_s = events * (graph.work_s - off_s) / threads
    if not choice:
        return max(on_threads_s, events * there_s / devices, longest_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        speedups = np.nan_to_num(graph.runtimes_s[off] / device_s[off], nan=0.0, posinf=np.inf)
    together = threads + devices * float(speedups.max(initial=0.0))  # at the speed of what a device is best at
    return max(on_threads_s, events * graph.work_s / together, longest_s)


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
    _check(1, threads, slots, devices, speedup)
    runtimes_s, taken = graph.runtimes_s.copy(), graph.numbers(offload)
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


def _check(events: int, threads: int, slots: int, devices: int = 0, speedup: float = 1.0) -> None:
    if min(events, threads, slots) < 1 or devices < 0 or not SLOWEST <= speedup <= FASTEST:
        raise BadInput(
            f"{events} events, {threads} threads, {slots} slots, {devices} devices, speed-up {speedup}: give 1 or more of each, "
            f"0 or more devices, and a speed-up from {SLOWEST:g} to {FASTEST:g}"
        )
