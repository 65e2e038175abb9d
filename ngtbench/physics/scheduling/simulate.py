"""A model of a machine that replays events: who runs what when, in seconds that nobody waits for. Modelled, never measured.

Threads and devices take one algorithm at a time and are never interrupted; nothing but launches costs anything beside the
algorithms themselves. One thread takes the work W, and threads without end the longest path C, exactly.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.scheduling.bounds import FASTEST, SLOWEST
from ngtbench.physics.scheduling.graph import Graph
from ngtbench.physics.scheduling.history import History

Order = Literal["fifo", "lifo", "rank", "oldest"]
Offload = Literal["async", "blocking", "earliest"]
_Task = tuple[int, int]  # event, algorithm
_MOST_LANES, _MOST_TASKS = 1 << 16, 1 << 22  # some 20 s, and 100 MB


@dataclass(frozen=True)
class Node:
    """A machine and how it schedules: `order` of what is ready, `offload` of algorithms to devices.

    Orders: as they became ready, the last first, by upward rank, or the oldest event first and then by upward rank. async: a
    thread is needed for the launch only. blocking: it waits for the device. earliest: as async, but on a thread where that ends
    earlier than the device, after all that waits for it, would (the rule of HEFT).
    Raises BadInput for a machine that has no thread or slot, that is slower than nothing, or that schedules as none does.
    """

    threads: int
    slots: int
    order: Order = "oldest"
    devices: int = 0
    speedup: float = 10.0  # of a device over a thread
    offloaded: frozenset[int] = frozenset()
    offload: Offload = "async"
    launch_s: float = 10e-6

    def __post_init__(self) -> None:
        counts = self.threads, self.slots, self.devices
        if not all(isinstance(count, int) for count in counts) or min(self.threads, self.slots) < 1 or self.devices < 0:
            raise BadInput(
                f"{self.threads} threads, {self.slots} slots: give 1 or more; {self.devices} devices: 0 or more; all whole"
            )
        if self.threads + self.devices > _MOST_LANES:
            raise BadInput(f"{self.threads} threads and {self.devices} devices: at most {_MOST_LANES} can be simulated")
        if not (SLOWEST <= self.speedup <= FASTEST and 0 <= self.launch_s < np.inf):
            raise BadInput(
                f"a speed-up of {self.speedup}: give {SLOWEST:g} to {FASTEST:g}; a launch of {self.launch_s} s: give 0 s or more"
            )
        if self.order not in get_args(Order) or self.offload not in get_args(Offload):
            orders, ways = ", ".join(get_args(Order)), ", ".join(get_args(Offload))
            raise BadInput(f"order {self.order!r}: there are {orders}; offload {self.offload!r}: there are {ways}")


def simulate(graph: Graph, events: int, node: Node, arrivals_s: Array | None = None) -> History:
    """Return when each algorithm of each event would run; lanes are threads, then devices.

    Events are there from the start, or from `arrivals_s` (events,) on, which ascend. Raises BadInput for no events, for more
    algorithms in all than 2^22, for an offloaded algorithm that is not there, and for arrivals that are none.
    """
    if not isinstance(events, int) or not 1 <= events <= _MOST_TASKS // graph.count:
        raise BadInput(
            f"{events} events of {graph.count} algorithms: simulate one or more, and at most {_MOST_TASKS} algorithms in all"
        )
    graph.numbers(node.offloaded)
    arrivals_s = np.zeros(events) if arrivals_s is None else arrivals_s
    if arrivals_s.shape != (events,) or not (np.diff(arrivals_s, prepend=0.0) >= 0).all() or not np.isfinite(arrivals_s).all():
        raise BadInput(
            f"arrivals of shape {arrivals_s.shape} for {events} events: give a finite time of each, the first event's first"
        )
    return _Run(graph, events, node, arrivals_s).history()


class _Run:
    def __init__(self, graph: Graph, events: int, node: Node, arrivals_s: Array) -> None:
        self.graph, self.node, self.arrivals_s = graph, node, arrivals_s
        self.now, self.serial, self.arrived, self.admitted = 0.0, 0, 0, 0
        self.idle, self.free = list(range(node.threads)), list(range(node.threads, node.threads + node.devices))
        self.ready, self.waiting = list[tuple[float, ...]](), list[tuple[float, ...]]()  # for a thread; for a device
        self.pending = list[tuple[float, int, Callable[[], None]]]()
        self.backlog_s = 0.0  # of work given to devices and not begun
        self.busy_until = [0.0] * node.devices
        self.left = dict[int, list[int]]()
        self.remaining = dict[int, int]()
        self.begin_s, self.end_s = np.zeros((events, graph.count)), np.zeros((events, graph.count))
        self.lane = np.zeros((events, graph.count), np.int64)
        self.admitted_s, self.finished_s = np.zeros(events), np.zeros(events)

    @cached_property
    def _needs(self) -> list[int]:
        return [inputs.size for inputs in self.graph.inputs]

    def history(self) -> History:
        for arrival_s in self.arrivals_s.tolist():
            self._after(arrival_s, self._arrive)
        while self.pending:
            self.now, _, then = heapq.heappop(self.pending)
            then()
            while self.pending and self.pending[0][0] == self.now:
                heapq.heappop(self.pending)[2]()
            self._dispatch()
        runs = np.ones_like(self.lane)
        return History(self.admitted_s, self.finished_s, self.begin_s, self.end_s, self.lane, runs)

    def _arrive(self) -> None:
        self.arrived += 1
        self._admit()

    def _admit(self) -> None:
        if self.admitted == self.arrived or len(self.remaining) == self.node.slots:
            return
        event, self.admitted = self.admitted, self.admitted + 1
        self.admitted_s[event], self.left[event], self.remaining[event] = self.now, list(self._needs), self.graph.count
        for a in self.graph.order:
            if not self._needs[a]:
                self._push(self.ready, (event, a))

    def _push(self, queue: list[tuple[float, ...]], task: _Task) -> None:
        event, a = task
        self.serial += 1
        rank_s = float(self.graph.ranks_s[a])
        key = {"fifo": (self.serial,), "lifo": (-self.serial,), "rank": (-rank_s, event), "oldest": (event, -rank_s)}[
            self.node.order
        ]
        heapq.heappush(queue, (*key, self.serial, event, a))

    def _after(self, seconds: float, then: Callable[[], None]) -> None:
        self.serial += 1
        heapq.heappush(self.pending, (self.now + seconds, self.serial, then))

    def _dispatch(self) -> None:
        while self.ready and self.idle:
            *_, event, a = heapq.heappop(self.ready)
            self._start((int(event), int(a)), heapq.heappop(self.idle))

    def _start(self, task: _Task, thread: int) -> None:
        runtime_s, node = float(self.graph.runtimes_s[task[1]]), self.node
        if node.devices and task[1] in node.offloaded and not (node.offload == "earliest" and self._earlier(runtime_s)):
            self.backlog_s += runtime_s / node.speedup
            self._after(node.launch_s, lambda: self._launched(task, thread))
            return
        self._began(task, thread)
        self._after(runtime_s, lambda: self._done(task, thread))

    def _earlier(self, runtime_s: float) -> bool:
        """Tell whether a thread ends before the device that is free first would."""
        node = self.node
        begin_s = max(self.now + node.launch_s, min(self.busy_until)) + self.backlog_s / node.devices
        return self.now + runtime_s < begin_s + runtime_s / node.speedup

    def _launched(self, task: _Task, thread: int) -> None:
        self._push(self.waiting, task)
        if self.node.offload == "blocking":
            self.lane[task] = thread  # kept until the device is done
        else:
            heapq.heappush(self.idle, thread)
        self._feed()

    def _feed(self) -> None:
        while self.waiting and self.free:
            *_, event, a = heapq.heappop(self.waiting)
            task, device = (int(event), int(a)), heapq.heappop(self.free)
            seconds, held = float(self.graph.runtimes_s[task[1]]) / self.node.speedup, int(self.lane[task])
            self.backlog_s -= seconds
            self.busy_until[device - self.node.threads] = self.now + seconds
            self._began(task, device)
            self._after(seconds, lambda t=task, d=device, h=held: self._returned(t, d, h))  # type: ignore[misc]

    def _returned(self, task: _Task, device: int, held: int) -> None:
        heapq.heappush(self.free, device)
        self._done(task, held if self.node.offload == "blocking" else None)
        self._feed()

    def _began(self, task: _Task, lane: int) -> None:
        self.begin_s[task], self.lane[task] = self.now, lane

    def _done(self, task: _Task, thread: int | None) -> None:
        event, a = task
        self.end_s[task] = self.now
        if thread is not None:
            heapq.heappush(self.idle, thread)
        left = self.left[event]
        for b in self.graph.outputs[a]:
            left[b] -= 1
            if not left[b]:
                self._push(self.ready, (event, int(b)))
        self.remaining[event] -= 1
        if not self.remaining[event]:
            self.finished_s[event] = self.now
            del self.left[event], self.remaining[event]
            self._admit()
