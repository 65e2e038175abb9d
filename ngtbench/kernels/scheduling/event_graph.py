"""Replays of an event graph by several engines: the same tasks and the same work, each engine with its own order."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from ngtbench.errors import NgtBenchError
from ngtbench.kernels.scheduling.engine import Engine, Pace, built
from ngtbench.kernels.scheduling.job import Fault, Job, limit_s
from ngtbench.kernels.scheduling.pool import Coroutines, Threads
from ngtbench.model.workload import Array, Setup, Trial, Watch
from ngtbench.physics.scheduling import bounds
from ngtbench.physics.scheduling.graph import Graph

HONEST = 1.02  # times the bound: beyond it work was left out, or the chain was timed wrongly
_QUANTILES = {"latency_p50_s": 0.5, "latency_p90_s": 0.9, "latency_p99_s": 0.99, "latency_max_s": 1.0}
Trials = Callable[[int, Watch], Trial]


class Replays(Protocol):
    """What replays all events of a job."""

    def run(self) -> None:
        """Replay them."""
        ...


def serial(setup: Setup, **arrays: Array) -> Trials:
    """Replay on one thread, one event after the other: the work, and nothing else."""
    return _trials(setup, arrays, "serial")


def native(setup: Setup, **arrays: Array) -> Trials:
    """Replay by our own engine: the oldest event first, then the highest upward rank."""
    return _trials(setup, arrays, "native")


def task_group(setup: Setup, **arrays: Array) -> Trials:
    """Replay by oneTBB's task_group."""
    return _trials(setup, arrays, "task_group")


def flow_graph(setup: Setup, **arrays: Array) -> Trials:
    """Replay by oneTBB's flow graph."""
    return _trials(setup, arrays, "flow_graph")


def taskflow(setup: Setup, **arrays: Array) -> Trials:
    """Replay by Taskflow."""
    return _trials(setup, arrays, "taskflow")


def threads(setup: Setup, **arrays: Array) -> Trials:
    """Replay by Python's concurrent.futures."""
    return _trials(setup, arrays, "threads")


def coroutines(setup: Setup, **arrays: Array) -> Trials:
    """Replay by Python's asyncio, and threads for the work."""
    return _trials(setup, arrays, "asyncio")


def engine(name: str, job: Job) -> Replays:
    """Return an engine of this name that is ready to replay a job.

    Raises Unavailable where there is no compiler, or the engine's library is not found.
    """
    if name == "threads":
        return Threads(job)
    return Coroutines(job) if name == "asyncio" else Engine(name, job)


def job_of(size: Any, threads: int, arrays: Mapping[str, Array], *, stall_s: float = 0.0, fault: Fault | None = None) -> Job:
    """Return the job of a size and its inputs; `stall_s` 0 means the usual."""
    graph, first = Graph(size.graph.names, arrays["steps"], arrays["edges"]), int(arrays["first_event"][0])
    limit = stall_s or limit_s(float(arrays["steps"].max()))
    return Job(graph, first, size.events, size.slots, threads, stall_s=limit, fault=fault)


def _trials(setup: Setup, arrays: Mapping[str, Array], name: str) -> Trials:
    job = job_of(setup.size, setup.threads, arrays)
    replays = engine(name, job)
    setup.say(f"{setup.threads} threads, {job.slots} events in flight")
    setup.compiled(built("native").took_s)
    pace = Pace()
    pace.step_s()

    def trial(k: int, watch: Watch) -> Trial:
        job.clear()
        cpu_s, wall_s = time.process_time(), watch.spent_s
        with watch():
            replays.run()
        cpu_s, wall_s = time.process_time() - cpu_s, watch.spent_s - wall_s
        job.raise_failure()
        return Trial(outputs(job), metrics(job, wall_s, cpu_s, pace.step_s()))

    return trial


def outputs(job: Job) -> dict[str, Array]:
    """Return what is judged: halves of the checksums, in how many events each algorithm ran once, and after how many inputs."""
    history = job.history()
    return {
        "checksums": job.arrays["checksums"].view(np.uint32).reshape(-1, 2).copy(),
        "runs": (history.runs == 1).sum(axis=0),
        "ordered": history.ordered(job.graph),
    }


def metrics(job: Job, wall_s: float, cpu_s: float, step: float) -> dict[str, float]:
    """Return the figures of a run; `step` is the least seconds that a step of the chain was ever seen to take here.

    Raises NgtBenchError where the run was faster than anything can be, at the time that a step took during the run.
    """
    steps = bounds.makespan_s(job.graph, job.events, job.threads, job.slots)
    bound_s, paced_s = step * steps, job.step_s * steps
    if max(bound_s, paced_s) > HONEST * wall_s:
        least_s = max(bound_s, paced_s)
        words = f"utilisation {least_s / wall_s:.3f} is beyond {HONEST}: {wall_s:.3g} s for what takes {least_s:.3g} s at least"
        raise NgtBenchError(f"{words}, at {least_s / steps * 1e9:.3g} ns a step")
    chains_s = job.step_s * (job.events * job.graph.work_s + job.looked_steps)
    history = job.history()
    latencies = {name: float(np.quantile(history.latencies_s, q)) for name, q in _QUANTILES.items()}
    return {
        "event_s": wall_s / job.events,
        "wall_s": wall_s,
        "events_per_s": job.events / wall_s,
        "utilisation_ratio": bound_s / wall_s,
        "utilisation_paced_ratio": paced_s / wall_s,
        "bound_event_s": bound_s / job.events,
        "step_s": job.step_s,
        "task_cpu_s": (cpu_s - chains_s) / (job.events * job.graph.count),
        **latencies,
        "progress_spread": float(history.spread(job.slots)),
        "in_flight_b": float(job.memory_b),
    }
