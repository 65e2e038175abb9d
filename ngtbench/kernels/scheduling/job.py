"""A replay: a graph and its events as engines are given them, and what became of each task."""

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from ngtbench.errors import NgtBenchError
from ngtbench.kernels.scheduling.offload import Offload
from ngtbench.model.workload import Array
from ngtbench.physics.scheduling.graph import Graph, shown
from ngtbench.physics.scheduling.history import History
from ngtbench.physics.scheduling.values import WORD_B, Mode, streamed

RECORD = np.dtype([("begin_ns", np.int64), ("end_ns", np.int64), ("lane", np.int32), ("runs", np.int32)])
FAULTS = ("", "throws", "stalls", "vanishes", "kernel-fails", "device-stalls", "device-vanishes")
_FAILURES = ("", "threw an exception", "never ended", "was never begun", "failed on its device")
_WORDS = ("algorithms", "events", "slots", "threads", "first_event")
_ARRAYS = (
    "inputs_at",
    "inputs",
    "outputs_at",
    "outputs",
    "steps",
    "number",
    "records",
    "admitted_ns",
    "finished_ns",
    "checksums",
    "names",
)
_FAULT = ("fault", "fault_algorithm", "fault_event")
_FAILED = ("failure", "failed_algorithm", "failed_event")
_LOOKED = ("looks", "look_steps", "rates", "fastest")
_MANY = 32  # looks: of fewer the fastest counts, for one that was disturbed would be in the mean


class _Job(ctypes.Structure):
    """The struct Job of job.hpp."""

    _fields_ = (
        *((name, ctypes.c_uint64) for name in _WORDS),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
        ("stall_s", ctypes.c_double),
        *((name, ctypes.c_uint64) for name in _FAULT),
        *((name, ctypes.c_int64) for name in _FAILED),
        *((name, ctypes.c_uint64) for name in _LOOKED),
        ("offload", ctypes.c_void_p),
        ("mode", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class Fault:
    """What goes wrong on purpose, in one algorithm of one event: it "throws", "stalls" or "vanishes" (its thread ends).

    Or, where it is offloaded: "kernel-fails", "device-stalls", "device-vanishes".
    """

    kind: str
    algorithm: int
    event: int


class Job:
    """So many events of a graph, so many at once, on so many threads; `graph.runtimes_s` are steps of the chain.

    `stall_s` without any progress end a run. `offload` is what a device does, by an engine that can.
    """

    def __init__(
        self,
        graph: Graph,
        first_event: int,
        events: int,
        slots: int,
        threads: int,
        *,
        stall_s: float,
        fault: Fault | None = None,
        offload: Offload | None = None,
        mode: Mode = "latency",
    ) -> None:
        self.graph, self.events, self.slots, self.threads = graph, events, slots, threads
        self.offload, self.mode = offload, mode
        self.number = np.array(graph.by_rank, np.uint64)  # of the most urgent first
        place = np.empty(graph.count, np.int64)
        place[self.number.astype(np.int64)] = np.arange(graph.count)
        self.outputs = [np.sort(place[graph.outputs[a]]) for a in graph.by_rank]
        self.inputs = [np.sort(place[graph.inputs[a]]) for a in graph.by_rank]
        self.arrays: dict[str, Array] = {
            **_packed("inputs", self.inputs),
            **_packed("outputs", self.outputs),
            "steps": graph.runtimes_s[self.number.astype(np.int64)].astype(np.uint64),
            "number": self.number,
            "records": np.zeros((events, graph.count), RECORD),
            "admitted_ns": np.zeros(events, np.int64),
            "finished_ns": np.zeros(events, np.int64),
            "checksums": np.zeros(events, np.uint64),
        }
        self._names = [shown(graph.names[a]).encode() for a in graph.by_rank]
        self.arrays["names"] = np.array(
            [ctypes.cast(ctypes.c_char_p(name), ctypes.c_void_p).value for name in self._names], np.uint64
        )
        words = dict(zip(_WORDS, (graph.count, events, slots, threads, first_event), strict=True))
        if fault is not None:
            where = (FAULTS.index(fault.kind), int(place[fault.algorithm]), fault.event)
            words |= dict(zip(_FAULT, where, strict=True))
        pointers = {name: self.arrays[name].ctypes.data for name in _ARRAYS}
        self.struct = _Job(**words, **pointers, stall_s=stall_s, mode=get_args(Mode).index(mode))
        if offload is not None:
            self.struct.offload = ctypes.addressof(offload.struct(self.number))

    @property
    def address(self) -> Any:
        """What engines are given."""
        return ctypes.byref(self.struct)

    def clear(self) -> None:
        """Forget the last run."""
        for name in ("records", "admitted_ns", "finished_ns", "checksums"):
            self.arrays[name][...] = 0

    def raise_failure(self) -> None:
        """Raise NgtBenchError naming the algorithm that ended the last run, or that did not end where events are missing."""
        done = int((self.arrays["finished_ns"] > 0).sum())
        if self.struct.failure:
            a, event, how = self.struct.failed_algorithm, self.struct.failed_event, _FAILURES[self.struct.failure]
        elif done < self.events:
            open_ended = np.argwhere((self.arrays["records"]["begin_ns"] > 0) & (self.arrays["records"]["end_ns"] == 0))
            event, a = open_ended[0] if len(open_ended) else (done, 0)
            how = "was left" if len(open_ended) else "was not begun"
        else:
            return
        if self.offload is not None and self.offload.said:
            how += f" ({self.offload.said})"
        name = shown(self.graph.names[int(self.number[a])])
        raise NgtBenchError(f"algorithm {name} of event {event} {how}; {done} of {self.events} events were done")

    def history(self) -> History:
        """Return what happened, algorithms numbered as in the graph; seconds from the first event's admission."""
        start, back = self.arrays["admitted_ns"].min(), np.empty(self.graph.count, np.int64)
        back[self.number.astype(np.int64)] = np.arange(self.graph.count)
        records = self.arrays["records"][:, back]

        def seconds(ns: Array) -> Array:
            since: Array = (ns - start) * 1e-9
            return since

        return History(
            seconds(self.arrays["admitted_ns"]),
            seconds(self.arrays["finished_ns"]),
            seconds(records["begin_ns"]),
            seconds(records["end_ns"]),
            records["lane"],
            records["runs"],
        )

    @property
    def step_s(self) -> float:
        """Seconds that a step took during the last run: at the mean rate that threads saw as they went along, the most of few.

        Of steps that memory bounds: in the tasks themselves, all together.
        """
        if self.mode != "latency":
            records = self.arrays["records"]
            return float((records["end_ns"] - records["begin_ns"]).sum() * 1e-9 / (self.events * self.graph.work_s or 1.0))
        looks = self.struct.looks
        return float(looks / self.struct.rates if looks >= _MANY else 1 / self.struct.fastest)

    @property
    def looked_steps(self) -> int:
        """Steps taken for that, which belong to no task."""
        return int(self.struct.look_steps)

    @property
    def streamed_b(self) -> int:
        """Bytes that tasks read of their buffers in a run."""
        return int(self.events * WORD_B * streamed(self.mode, self.graph.runtimes_s.astype(np.int64)).sum())

    @property
    def memory_b(self) -> int:
        """Bytes of values and counters of all slots: what events in flight hold."""
        return 12 * self.slots * self.graph.count


def limit_s(longest_steps: float) -> float:
    """Return after how long without progress a run is given up: 20 times the longest task, at 5 ns a step, or 10 s."""
    return max(10.0, 20 * 5e-9 * math.ceil(longest_steps))


def _packed(name: str, lists: Sequence[Array]) -> dict[str, Array]:
    flat = np.concatenate([*lists, np.empty(0, np.int64)]).astype(np.uint32)
    return {f"{name}_at": np.cumsum([0, *(one.size for one in lists)]).astype(np.uint32), name: flat}
