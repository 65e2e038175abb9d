"""Programs that share a device: a worker each, or one worker for all, ready before any is timed."""

import os
import time
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ngtbench.discover.nvidia import serves_mps
from ngtbench.discover.source import Source
from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.harness.launch import Worker
from ngtbench.model.case import Resources, plain
from ngtbench.model.sharing import Program, Served

PREPARE_LIMIT_S = 600.0
_SLACK = 10.0  # a client may take this many times the window before it counts as hung
_LEAST_LIMIT_S = 60.0


class Company:
    """Clients of one device; their processes end with this object, and with the process that holds it.

    On a CPU all keep to as many processors as the case has `threads`, however many they are. Raises Unavailable where a program
    cannot run here, NgtBenchError where one fails or is wrong when alone.
    """

    def __init__(
        self, programs: Sequence[Program], together: bool, *, device: str, seed: int, threads: int, folder: str | None = None
    ) -> None:
        self.said = _shared(device, together)
        self._programs = programs
        self._processors = processors(threads) if device.startswith("cpu") else os.sched_getaffinity(0)
        self._workers: list[Worker] = []
        self._end = weakref.finalize(self, _kill, self._workers)
        self._seats: list[tuple[int, int]] = []  # of each client: its worker, and its number there
        try:
            self._start(together, {"do": "prepare", "seed": seed, "workloads": folder, "unwatched": True}, device)
        except BaseException:
            self._end()
            raise

    def serve(self, who: Sequence[int], window_s: float) -> list[Served]:
        """Let these clients run side by side until a call of each ends after `window_s`; judge what each computed.

        Raises NgtBenchError where one fails, dies or falls silent, naming it.
        """
        asked: dict[int, list[int]] = {}
        for client in who:
            asked.setdefault(self._seats[client][0], []).append(client)
        limit_s = max(_LEAST_LIMIT_S, _SLACK * window_s)
        found: dict[int, Served] = {}
        client = who[0]
        try:
            for worker, clients in asked.items():
                client = clients[0]
                numbers = [self._seats[one][1] for one in clients]
                self._workers[worker].tell({"do": "serve", "who": numbers, "window_s": window_s})
            until = time.monotonic() + limit_s
            for worker, clients in asked.items():
                client = clients[0]
                answer = self._workers[worker].answer(max(1.0, until - time.monotonic()), "serving")
                if "outcome" in answer:
                    client = clients[answer.get("client", 0)]
                    raise NgtBenchError(answer["outcome"]["reason"])
                found |= {one: _served(said) for one, said in zip(clients, answer["served"], strict=True)}
        except NgtBenchError as error:
            self._end()
            raise NgtBenchError(f"{self._named(client)}: {error}") from error
        return [found[one] for one in who]

    def close(self) -> None:
        """End the clients."""
        self._end()

    def _start(self, together: bool, message: dict[str, Any], device: str) -> None:
        """Prepare the first client, which fills compilers' caches, then all others, those in processes at the same time."""
        waiting: list[int] = []
        for number, program in enumerate(self._programs):
            if not together or not self._workers:
                threads = max(one.threads for one in self._programs) if together else program.threads
                self._workers.append(Worker(threads, bind=False))
                os.sched_setaffinity(self._workers[-1].pid, self._processors)  # it has no other threads yet
            self._seats.append((len(self._workers) - 1, number if together else 0))
            resources = Resources(device, program.threads, bind=False, clients=len(self._programs))
            own = {"seed": message["seed"] + number}  # so that an answer of another client is a wrong one
            self._workers[-1].tell(message | own | {"case": plain(program.case), "resources": plain(resources)})
            if together or not number:
                self._prepared(number)
            else:
                waiting.append(number)
        for number in waiting:
            self._prepared(number)

    def _prepared(self, number: int) -> None:
        """Wait until a client is ready.

        Raises Unavailable where it cannot run here, NgtBenchError where it fails, naming it.
        """
        answer = self._workers[self._seats[number][0]].answer(PREPARE_LIMIT_S, "preparing")
        if "outcome" not in answer:
            return
        outcome: dict[str, Any] = answer["outcome"]
        if outcome["status"] == "skipped":
            raise Unavailable(f"{self._programs[number].case.id}: {outcome['reason']}", outcome["remedy"] or "")
        raise NgtBenchError(f"{self._named(number)}: {outcome['status']}: {outcome['reason']}")

    def _named(self, number: int) -> str:
        return f"client {number + 1} of {len(self._programs)}, {self._programs[number].case.id}"


def processors(count: int) -> set[int]:
    """Return so many processors of those usable here, of different cores as far as there are; all where there are no more."""
    places = list[tuple[int, int]]()  # which of its core's processors, and its number
    cores: dict[str, int] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        core = Source().optional(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or str(cpu)
        cores[core] = cores.get(core, -1) + 1
        places.append((cores[core], cpu))
    return {cpu for _, cpu in sorted(places)[:count]}


def _served(said: dict[str, Any]) -> Served:
    begin_s, end_s = (1e-9 * np.array(said[name], np.int64) for name in ("begin_ns", "end_ns"))
    return Served(begin_s, end_s, said["events"], said["wrong"], said["memory_b"], said["shared_b"])


def _shared(device: str, together: bool) -> str:
    """Return how clients share the device; nothing is configured here."""
    if together:
        return "threads of one process" if device.startswith("cpu") else "streams of one process"
    if not device.startswith("cuda"):
        return "processes"
    return "processes under an MPS daemon" if serves_mps(Source()) else "processes, no MPS daemon found"


def _kill(workers: list[Worker]) -> None:
    """End workers by force: what they hold is theirs alone."""
    while workers:
        workers.pop().kill()
