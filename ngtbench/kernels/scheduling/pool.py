"""Engines whose decisions are Python's: threads of concurrent.futures, and asyncio; the work itself holds no Python lock."""

import asyncio
import ctypes
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ngtbench.kernels.scheduling.engine import Engine
from ngtbench.kernels.scheduling.job import Job

_STOP, _EVENT, _ALL = 0, 2, 3  # what `perform` says
_LOOK_S = 0.05  # between looks whether the run was stopped


class Stepwise:
    """A job, step by step."""

    def __init__(self, job: Job) -> None:
        self.job, self._engine = job, Engine("stepwise", job)
        names = ("begin", "end", "admit", "perform", "stopped")
        self._begin, self._end, self._admit, self._perform, self._stopped = (self._engine.built.cdll[name] for name in names)

    def begin(self) -> None:
        """Watch the run from here on."""
        self._begin(self._engine.handle)

    def end(self) -> None:
        """Watch it no more."""
        self._end(self._engine.handle)

    def admit(self, slot: int) -> bool:
        """Put the next event into a slot; False where there is none left."""
        return bool(self._admit(self._engine.handle, ctypes.c_uint64(slot)))

    def perform(self, slot: int, a: int) -> int:
        """Do the work of a task; 0 where the run is to end, 2 after the last of an event, 3 after the last of all."""
        done: int = self._perform(self._engine.handle, ctypes.c_uint64(slot), ctypes.c_uint64(a))
        return done

    @property
    def stopped(self) -> bool:
        """Tell whether the run was given up."""
        return bool(self._stopped(self._engine.handle))


class Threads:
    """concurrent.futures: who ends a task counts what waits for it, and submits what is ready."""

    def __init__(self, job: Job) -> None:
        self._steps = Stepwise(job)
        self._needs = [one.size for one in job.inputs]
        self._sources = [a for a, needed in enumerate(self._needs) if not needed]
        self._outputs = [one.tolist() for one in job.outputs]

    def run(self) -> None:
        """Replay all events."""
        self._left = [list(self._needs) for _ in range(self._steps.job.slots)]
        self._lock, self._over = threading.Lock(), threading.Event()
        self._steps.begin()
        try:
            with ThreadPoolExecutor(self._steps.job.threads) as self._pool:
                for slot in range(self._steps.job.slots):
                    self._start(slot)
                while not self._over.wait(_LOOK_S) and not self._steps.stopped:
                    pass
                self._pool.shutdown(wait=True, cancel_futures=True)
        finally:
            self._steps.end()

    def _start(self, slot: int) -> None:
        if self._steps.admit(slot):
            self._left[slot] = list(self._needs)
            self._submit(slot, self._sources)

    def _submit(self, slot: int, tasks: Sequence[int]) -> None:
        for a in tasks:
            self._pool.submit(self._task, slot, a)

    def _task(self, slot: int, a: int) -> None:
        left, ready = self._left[slot], list[int]()
        done = self._steps.perform(slot, a)
        if done == _STOP:
            return
        with self._lock:
            for b in self._outputs[a]:
                left[b] -= 1
                if not left[b]:
                    ready.append(b)
        self._submit(slot, ready)
        if done >= _EVENT:
            self._start(slot)
        if done == _ALL:
            self._over.set()


class Coroutines:
    """asyncio: a coroutine per algorithm awaits those it reads, then a thread that does the work."""

    def __init__(self, job: Job) -> None:
        self._steps = Stepwise(job)
        self._inputs = [one.tolist() for one in job.inputs]

    def run(self) -> None:
        """Replay all events."""
        self._steps.begin()
        try:
            asyncio.run(self._events())
        finally:
            self._steps.end()

    async def _events(self) -> None:
        with ThreadPoolExecutor(self._steps.job.threads) as pool:
            await asyncio.gather(*(self._slot(slot, pool) for slot in range(self._steps.job.slots)))
            pool.shutdown(wait=True, cancel_futures=True)

    async def _slot(self, slot: int, pool: ThreadPoolExecutor) -> None:
        while self._steps.admit(slot):
            tasks = list[asyncio.Task[None]]()
            for a, inputs in enumerate(self._inputs):  # numbers are ranks: producers come first
                tasks.append(asyncio.create_task(self._algorithm(slot, a, [tasks[p] for p in inputs], pool)))
            await asyncio.gather(*tasks)

    async def _algorithm(self, slot: int, a: int, inputs: Sequence["asyncio.Task[None]"], pool: ThreadPoolExecutor) -> None:
        for task in inputs:
            await task
        if not self._steps.stopped:
            await asyncio.get_running_loop().run_in_executor(pool, self._steps.perform, slot, a)
