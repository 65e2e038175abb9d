"""A client of a shared device, inside its process: prepared cases called again and again, side by side with others."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ngtbench.harness.prepare import Prepared, Stopwatch, poison


@dataclass
class _Calls:
    """Calls of one case, in nanoseconds of the clock that all processes of a host share."""

    ready: Prepared
    begin_ns: list[int] = field(default_factory=list)
    end_ns: list[int] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)  # of trials all, else those of the last call
    error: BaseException | None = None

    def during(self, window_s: float, start: threading.Barrier) -> None:
        """Call until a call ends so many seconds after all began, at least twice; what goes wrong is kept."""
        start.wait()
        end_ns = time.monotonic_ns() + int(window_s * 1e9)
        try:
            with self.ready.backend.lane() as wait:
                self._loop(end_ns, wait)
        except BaseException as error:  # noqa: BLE001 - of a thread: told by who waits for it
            self.error = error

    def _loop(self, end_ns: int, wait: Callable[[], None]) -> None:
        run, trials = self.ready.run, self.ready.workload.repeat == "trials"
        watch = Stopwatch(self.ready.backend, wait=wait)  # for its own stream: others keep the device busy
        while len(self.end_ns) < 2 or self.end_ns[-1] < end_ns:
            begin = time.monotonic_ns()
            outputs = run(len(self.end_ns) + 1, watch).outputs if trials else run()
            wait()
            self.end_ns.append(time.monotonic_ns())
            self.begin_ns.append(begin)
            if not trials:
                self.outputs.clear()
            self.outputs.append(outputs)

    def judged(self) -> str | None:
        """Return what is wrong with the outputs, which are poisoned then: they cannot be those of the next time."""
        verdicts = [self.ready.check(outputs) for outputs in self.outputs]
        if self.ready.workload.repeat == "calls":
            poison(self.ready.backend, self.outputs[-1])
        return next((verdict.reason or "wrong" for verdict in verdicts if not verdict.passed), None)


def serve(clients: Sequence[Prepared], window_s: float) -> list[dict[str, Any]]:
    """Call each case for so many seconds, several in a thread each, and judge what came out.

    Raises what a case raised.
    """
    calls, start = [_Calls(ready) for ready in clients], threading.Barrier(len(clients))
    threads = [threading.Thread(target=one.during, args=(window_s, start)) for one in calls[1:]]
    for thread in threads:
        thread.start()
    calls[0].during(window_s, start)  # alone, a client has the process's main thread
    for thread in threads:
        thread.join()
    for one in calls:
        if one.error is not None:
            raise one.error
    memory_b = _resident_b() // len(calls)
    return [
        {
            "begin_ns": one.begin_ns,
            "end_ns": one.end_ns,
            "events": one.ready.work.events,
            "wrong": one.judged(),
            "memory_b": memory_b,
        }
        for one in calls
    ]


def _resident_b() -> int:
    """Return the memory of this process; of pages shared with others, its part."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration, ValueError):  # not Linux, or not to be read
        return 0
