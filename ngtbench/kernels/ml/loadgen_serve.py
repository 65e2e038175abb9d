"""The system under test as LoadGen sees it: queries taken, batched, answered, completed and counted, whatever happens."""

import math
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from ngtbench.model.workload import Array

clock = time.perf_counter_ns
_EVER_S = 1e9  # infinity, where nanoseconds are counted


class System(Protocol):
    """What answers samples of a pool; results go to an array of its own, where they are judged after the run."""

    samples: int

    def answer(self, index: Array) -> None:
        """Compute these samples (int64, into the pool), and return when it is done."""
        ...


class Clients(Protocol):
    """Who waits for answers."""

    def complete(self, ids: list[int]) -> None:
        """Take these samples as answered."""
        ...


@dataclass(frozen=True)
class Asked:
    """Batches of at most `largest` samples, for `limit_s` seconds at most.

    Served queries are late beyond `bound_s`; once more than `late` were, or one has waited `late_s`, the run is lost.
    """

    largest: int
    limit_s: float
    bound_s: float = math.inf
    late_s: float = math.inf
    late: int = 0


@dataclass(frozen=True)
class Counted:
    """A run as we saw it: what came and was answered, from the first query to the last answer, and our own time per query."""

    queries: int
    samples: int
    lasted_s: float
    own_s: float
    stopped: str = ""  # why samples were no longer answered


class Null:
    """A system that does nothing: what a run costs without one."""

    def __init__(self, samples: int) -> None:
        self.samples = samples

    def answer(self, index: Array) -> None:
        """Do nothing."""


class Direct:
    """Answers where it is asked: for clients that wait for the answer before they ask again, or ask but once.

    A callback of LoadGen must not raise, and LoadGen waits for every sample: after an error all is completed unanswered.
    """

    def __init__(self, system: System, clients: Clients, asked: Asked) -> None:
        self._system, self._clients, self._asked = system, clients, asked
        self.error: Exception | None = None
        self._stopped = ""
        self._answered = self._queries = self._first_ns = self._last_ns = self._until_ns = 0
        self._every = np.arange(system.samples)
        self._own_ns = array("q")  # per query, besides the system; of more than a batch per sample

    def __enter__(self) -> Self:
        self._until_ns = clock() + nanoseconds(self._asked.limit_s)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def counted(self) -> Counted:
        """Return what was seen, once the run is over."""
        lasted_s = (self._last_ns - self._first_ns) * 1e-9
        return Counted(self._queries, self._answered, lasted_s, self._own_s(), self._stopped)

    def _own_s(self) -> float:
        return median_s(self._own_ns)

    def issue(self, ids: list[int], index: list[int]) -> None:
        """Answer a query in batches."""
        start, system_ns, largest = clock(), 0, self._asked.largest
        self._first_ns = self._first_ns or start
        self._queries += 1
        for at in range(0, len(ids), largest):
            part = ids[at : at + largest]
            system_ns += self._answer(part, index[at : at + largest])
            self._clients.complete(part)
        self._last_ns = clock()
        self._own_ns.append((self._last_ns - start - system_ns) // (len(ids) if len(ids) > largest else 1))

    def flush(self) -> None:
        """Take that LoadGen asks no more for now."""

    def _stop(self, reason: str) -> None:
        self._stopped = self._stopped or reason

    def _answer(self, ids: list[int], index: Sequence[int]) -> int:
        """Have samples answered unless it is too late; return the nanoseconds that the system took."""
        if self.error is not None or self._stopped:
            return 0
        wanted = self._every[index[0] : index[0] + 1] if len(index) == 1 else np.array(index, np.int64)  # of one at no cost
        start = clock()
        if start > self._until_ns:
            self._stop(f"stopped after {self._asked.limit_s:g} s")
            return 0
        try:
            self._system.answer(wanted)
        except Exception as error:  # noqa: BLE001 - carried out of LoadGen's thread, and raised by whoever started the run
            self.error = error
            return 0
        spent = clock() - start
        self._answered += len(ids)
        return spent


def nanoseconds(seconds: float) -> int:
    """Return seconds as the clock counts them."""
    return round(1e9 * min(seconds, _EVER_S))


def median_s(taken_ns: "array[int]") -> float:
    """Return the median in seconds, 0 of none."""
    return median(taken_ns) * 1e-9 if taken_ns else 0.0
