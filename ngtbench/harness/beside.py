"""What is taken beside the samples: calls with cold caches, replayed graphs, and calls of other numbers of events."""

import math
import time
from collections.abc import Callable
from typing import Any

from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.harness import saturation
from ngtbench.harness.prepare import Prepared, poison
from ngtbench.harness.stopping import LEAST_SAMPLES, STEPS
from ngtbench.model.workload import Clock, Timing

COLD_SHARE = 0.1  # of the time that sampling took, flushing included
COLD_SAMPLES = 20
REPLAY_SHARE = 0.25  # of the same


class Stopped:
    """The clock of one measurement: sums what was under it, and refuses a timer that goes back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.name, self.resolution_s = clock.name, clock.resolution_s
        self.timed_s = 0.0

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        """Time calls; by a coarse timer they may take no time.

        Raises NgtBenchError where they took less.
        """
        timing = self._clock.time(run, calls)
        if not 0 <= timing.wall_s < math.inf:
            raise NgtBenchError(f"the timer {self.name} says {calls} calls took {timing.wall_s} s: it goes back")
        self.timed_s += timing.wall_s
        return timing


class Beside:
    """The extra series of one measurement, and the reasons for those that could not be taken."""

    def __init__(self, clock: Stopped, prepared: Prepared, sampled_s: float, calls: int) -> None:
        self._clock, self._prepared, self._sampled_s, self._calls = clock, prepared, sampled_s, calls
        self.series: dict[str, tuple[float, ...]] = {}
        self.batch_s: dict[int, tuple[float, ...]] = {}
        self.missing: dict[str, str] = {}

    def take(self, flush_b: int | None, warm_s: float) -> None:
        """Take all there are; `warm_s` is the time of a call with warm caches."""
        self.cold(flush_b, warm_s)
        self.replay()
        self.batch_s, why = saturation.batches(self._clock, self._prepared, self._sampled_s)
        self.missing |= {"batch_s": why} if why else {}

    def cold(self, flush_b: int | None, warm_s: float) -> None:
        """Take single calls, each after the caches were flushed."""
        if flush_b is None:
            self.missing["cold_s"] = "no size of the last-level cache is known, or cold calls were not asked for"
            return
        if warm_s < STEPS * self._clock.resolution_s:
            self.missing["cold_s"] = f"a call is shorter than {STEPS} timer steps, and cold calls cannot be batched"
            return
        flush = self._prepared.backend.flush
        flush(flush_b)  # a worker's first is no measure of the others: it touches new memory, seconds of it for large caches
        samples, begin = [self._clock.time(self._prepared.run, 1).wall_s], time.perf_counter()
        limit_s = COLD_SHARE * self._sampled_s
        while len(samples) < LEAST_SAMPLES or (len(samples) < COLD_SAMPLES and time.perf_counter() - begin < limit_s):
            flush(flush_b)
            samples.append(self._clock.time(self._prepared.run, 1).wall_s)
        self.series["cold_s"] = tuple(samples)

    def replay(self) -> None:
        """Take device time of a captured graph, where the device has such a thing and the graph computes the result."""
        backend = self._prepared.backend
        try:
            replay = backend.replay(self._prepared.run)
        except Unavailable as error:
            self.missing["replay_s"] = error.reason
            return
        if replay is None:
            return
        poison(backend, replay())
        samples, begin = list[float](), time.perf_counter()
        while len(samples) < LEAST_SAMPLES or time.perf_counter() - begin < REPLAY_SHARE * self._sampled_s:
            timing = self._clock.time(replay, self._calls)
            samples.append((timing.device_s if timing.device_s is not None else timing.wall_s) / self._calls)
        verdict = self._prepared.check(timing.outputs)
        if verdict.passed:
            self.series["replay_s"] = tuple(samples)
        else:  # the calls did compute it: work outside the graph is no fault of theirs
            self.missing["replay_s"] = f"the captured graph does not compute the result: {verdict.reason}"
