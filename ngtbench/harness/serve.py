"""A client of a shared device, inside its process: prepared cases called again and again, side by side with others."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ngtbench.errors import NgtBenchError
from ngtbench.harness.prepare import Prepared, Stopwatch, poison

_COUNTED = ("Rss:", "Shared_Clean:", "Shared_Dirty:")  # of smaps, in KiB


class ClientFailed(NgtBenchError):
    """A client raised what is this error's cause; `client` is its number among those that were served."""

    def __init__(self, client: int) -> None:
        super().__init__(f"client {client + 1} failed")
        self.client = client


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
        trials, last = self.ready.workload.repeat == "trials", time.monotonic_ns()
        while len(self.end_ns) < 2 or self.end_ns[-1] < end_ns:
            if trials:
                begin, last, outputs = self._trial(wait)
            else:
                begin, outputs = last, self.ready.run()
                wait()
                last = time.monotonic_ns()
                self.outputs.clear()
            self.begin_ns.append(begin)
            self.end_ns.append(last)
            self.outputs.append(outputs)

    def _trial(self, wait: Callable[[], None]) -> tuple[int, int, Any]:
        """Return when the watch of a trial was opened and closed, and what came out: what else a trial does is no work."""
        at: list[int] = []

        @contextlib.contextmanager
        def noted() -> Iterator[None]:
            at.append(time.monotonic_ns())
            yield
            at.append(time.monotonic_ns())

        watch = Stopwatch(self.ready.backend, noted, wait)  # waits for its own stream: others keep the device busy
        outputs = self.ready.run(len(self.end_ns) + 1, watch).outputs
        if not at:
            raise NgtBenchError(f"{self.ready.case.id}: a trial never opened its watch")
        return at[0], at[-1], outputs

    def judged(self) -> str | None:
        """Return what is wrong with the outputs, which are poisoned then: they cannot be those of the next time."""
        verdicts = [self.ready.check(outputs) for outputs in self.outputs]
        if self.ready.workload.repeat == "calls":
            poison(self.ready.backend, self.outputs[-1])
        return next((verdict.reason or "wrong" for verdict in verdicts if not verdict.passed), None)


def serve(clients: Sequence[Prepared], window_s: float) -> list[dict[str, Any]]:
    """Call each case for so many seconds, several in a thread each, and judge what came out.

    Raises ClientFailed where a case raises.
    """
    calls, start = [_Calls(ready) for ready in clients], threading.Barrier(len(clients))
    threads = [threading.Thread(target=one.during, args=(window_s, start)) for one in calls[1:]]
    for thread in threads:
        thread.start()
    calls[0].during(window_s, start)  # alone, a client has the process's main thread
    for thread in threads:
        thread.join()
    for number, one in enumerate(calls):
        if one.error is not None:
            raise ClientFailed(number) from one.error
    memory_b, shared_b = (amount // len(calls) for amount in _resident_b())
    return [
        {
            "begin_ns": one.begin_ns,
            "end_ns": one.end_ns,
            "events": one.ready.work.events,
            "wrong": one.judged(),
            "memory_b": memory_b,
            "shared_b": shared_b,
        }
        for one in calls
    ]


def _resident_b(folder: Path = Path("/proc/self")) -> tuple[int, int]:
    """Return the memory of this process, and what of it other processes hold too; 0 where the kernel does not tell.

    Kernels before 4.14 tell it of every mapping, and have no sum.
    """
    for name in ("smaps_rollup", "smaps"):
        with contextlib.suppress(OSError, ValueError):
            words = [line.split() for line in (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()]
            counted = {key: sum(int(word[1]) << 10 for word in words if word[:1] == [key]) for key in _COUNTED}
            return counted["Rss:"], counted["Shared_Clean:"] + counted["Shared_Dirty:"]
    return 0, 0
