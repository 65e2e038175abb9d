"""The system under test of a server: queries queued, one worker that answers what waits, a watchdog over both."""

import contextlib
import threading
from array import array
from collections import deque
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from ngtbench.errors import NgtBenchError
from ngtbench.kernels.ml.loadgen_serve import Asked, Clients, Counted, Direct, System, clock, median_s, nanoseconds

_STEP_S = 0.02
Query = tuple[int, list[int], list[int]]  # when it came, its id, its index: a server is asked for one sample at a time


class Queued(Direct):
    """Takes queries and hands them to one worker, which answers what waits; so arrivals are not delayed.

    Of a run that is lost nothing more is answered, nor completed until LoadGen asks no more: too many outstanding end it early.
    """

    def __init__(self, system: System, clients: Clients, asked: Asked) -> None:
        super().__init__(system, clients, asked)
        self._waiting = SimpleQueue[Query | None]()
        self._held = deque[list[int]]()  # ids that the worker has and has not completed; no lock: to take is one step
        self._late = 0
        self._asked_all, self._over = threading.Event(), threading.Event()
        self._hung = False
        self._came_ns, self._woken_ns = array("q"), array("q")
        self._worker = threading.Thread(target=self._work, name="ngtbench-server", daemon=True)
        self._watchdog = threading.Thread(target=self._watch, name="ngtbench-watchdog", daemon=True)

    def __enter__(self) -> Self:
        super().__enter__()
        self._worker.start()
        self._watchdog.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self.flush()
        self._waiting.put(None)
        if not self._hung:  # what hangs cannot be ended: it is left to the process
            self._worker.join()

    def flush(self) -> None:
        """Take that LoadGen asks no more."""
        self._asked_all.set()

    def _own_s(self) -> float:
        """Add the worker's share to that of handing over: the callback, or until a worker that slept is awake.

        It wakes when the callback is over, which takes the interpreter's lock along.
        """
        return max(median_s(self._came_ns), median_s(self._woken_ns)) + median_s(self._own_ns)

    def issue(self, ids: list[int], index: list[int]) -> None:
        """Put a query where the worker finds it; all else is the worker's, for whom the interpreter is not free before."""
        came = clock()
        self._waiting.put((came, ids, index))
        self._came_ns.append(clock() - came)

    def counted(self) -> Counted:
        """Return what was seen, once the run is over."""
        self._queries = len(self._came_ns)
        return super().counted()

    def _work(self) -> None:
        waiting, late_ns = self._waiting, nanoseconds(self._asked.late_s)
        while True:
            slept = waiting.empty()
            if (first := waiting.get()) is None:
                return
            start = clock()
            self._first_ns = self._first_ns or first[0]
            if slept:
                self._woken_ns.append(start - first[0])
            came, ids, index = self._batch(first)
            if start - first[0] > late_ns:
                self._stop(f"overload: a query waited {(start - first[0]) * 1e-9:.3g} s")
            system_ns = self._answer(ids, index)
            if self.error is not None or self._stopped:
                self._asked_all.wait()
            self._clients.complete(self._release())
            self._last_ns = clock()
            self._own_ns.append((self._last_ns - start - system_ns) // len(ids))
            self._judge(came)

    def _batch(self, first: Query) -> tuple[list[int], list[int], list[int]]:
        """Take what waits, up to the largest batch: no other thread takes, so what is there stays there."""
        waiting, largest = self._waiting, self._asked.largest
        came, ids, index = [first[0]], first[1], first[2]
        while len(ids) < largest and not waiting.empty():
            if (more := waiting.get()) is None:
                waiting.put(None)
                break
            came.append(more[0])
            ids += more[1]
            index += more[2]
        self._held.append(ids)
        return came, ids, index

    def _judge(self, came: list[int]) -> None:
        """Count queries that were late; they came one after the other."""
        latest = self._last_ns - nanoseconds(self._asked.bound_s)
        if came[0] < latest:
            self._late += sum(one < latest for one in came)
            if self._late > self._asked.late:
                self._stop(f"{self._late} queries were late")

    def _release(self) -> list[int]:
        """Return the ids that are still to be completed, once."""
        try:
            return self._held.pop()
        except IndexError:
            return []

    def _watch(self) -> None:
        """Complete all that waits for a system that does not return, and all that still comes, so that LoadGen ends."""
        patience_s = 2 * self._asked.limit_s
        if self._over.wait(patience_s):
            return
        self._hung = True
        self.error = NgtBenchError(f"the system has not returned from a batch, {patience_s:g} s after the start")
        self._clients.complete(self._release())
        while not self._over.wait(_STEP_S):
            with contextlib.suppress(Empty):
                while (one := self._waiting.get_nowait()) is not None:
                    self._clients.complete(one[1])
