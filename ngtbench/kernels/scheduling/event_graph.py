"""Replays of an event graph by several engines: the same tasks and the same work, each engine with its own order."""

import ctypes
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from ngtbench.codegen import compiler, raw
from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.kernels.scheduling import lanes
from ngtbench.kernels.scheduling.engine import Engine, Pace, built
from ngtbench.kernels.scheduling.job import Fault, Job, limit_s
from ngtbench.kernels.scheduling.offload import Offload, Port, Way
from ngtbench.kernels.scheduling.pool import Coroutines, Threads
from ngtbench.model.workload import Array, Setup, Trial, Watch
from ngtbench.physics.scheduling import bounds
from ngtbench.physics.scheduling.graph import Graph

HONEST = 1.02  # times the bound: beyond it work was left out, or the chain was timed wrongly
_QUANTILES = {"latency_p50_s": 0.5, "latency_p90_s": 0.9, "latency_p99_s": 0.99, "latency_max_s": 1.0}
OFFLOAD_METRICS = ("device_busy_ratio", "offloaded_ratio", "launch_tasks", "batch_wait_s")
Trials = Callable[[int, Watch], Trial]


class Replays(Protocol):
    """What replays all events of a job."""

    def run(self) -> None:
        """Replay them."""
        ...


PYTHON: dict[str, Callable[[Job], Replays]] = {"threads": Threads, "asyncio": Coroutines}  # decide in Python


def serial(setup: Setup, **arrays: Array) -> Trials:
    """Replay on one thread, one event after the other: the work, and nothing else."""
    return _trials(setup, arrays, "serial")


def native(setup: Setup, **arrays: Array) -> Trials:
    """Replay by our own engine: the oldest events first, each with a thread of its own, then the highest upward rank."""
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


def host_port() -> Port:
    """Return the kernel for threads that stand for a device: for tests, and to see what scheduling costs; no implementation."""
    made = raw.built(lanes.CHAIN, "float64", lanes.HOST_LANES, compiler.find())
    return Port("host", ctypes.cast(made.cdll[lanes.CHAIN.name], ctypes.c_void_p).value or 0, made)


def offloaded(setup: Setup, arrays: Mapping[str, Array], port: Port, way: Way) -> Trials:
    """Replay by our own engine, and what may be offloaded by a port.

    Raises Unavailable for work that memory bounds.
    """
    if setup.size.mode != "latency":
        raise Unavailable(f"work of mode {setup.size.mode!r} is not offloaded", "choose a size whose steps are the chain's")
    return _trials(setup, arrays, "native", offload_of(setup.size, arrays, port, way))


def offload_of(size: Any, arrays: Mapping[str, Array], port: Port, way: Way) -> Offload:
    """Return what a size says of the device and of what it is to run."""
    algorithms = arrays["offloaded"].tolist()
    how = {"slots": size.devices, "lanes": size.lanes, "most": size.batch, "patience_s": size.batch_wait_s}
    return Offload(algorithms, port, way, **how)


def engine(name: str, job: Job) -> Replays:
    """Return an engine of this name that is ready to replay a job.

    Raises Unavailable where there is no compiler, or the engine's library is not found.
    """
    return PYTHON[name](job) if name in PYTHON else Engine(name, job)


def job_of(
    size: Any,
    threads: int,
    arrays: Mapping[str, Array],
    *,
    stall_s: float = 0.0,
    fault: Fault | None = None,
    offload: Offload | None = None,
) -> Job:
    """Return the job of a size and its inputs; `stall_s` 0 means the usual."""
    graph, first = Graph(size.graph.names, arrays["steps"], arrays["edges"]), int(arrays["first_event"][0])
    limit = stall_s or limit_s(float(arrays["steps"].max()))
    return Job(graph, first, size.events, size.slots, threads, stall_s=limit, fault=fault, offload=offload, mode=size.mode)


def _trials(setup: Setup, arrays: Mapping[str, Array], name: str, offload: Offload | None = None) -> Trials:
    job = job_of(setup.size, setup.threads, arrays, offload=offload)
    replays = engine(name, job)
    setup.say(f"{setup.threads} threads, {job.slots} events in flight")
    setup.compiled(built("stepwise" if name in PYTHON else name).took_s)
    pace = Pace(job.mode)
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
    bound_s, paced_s = least_s(job, step), least_s(job, job.step_s)
    # the pace of work that memory bounds is that of its tasks: a mean, of which nothing follows for the longest path
    beyond_s, pace_s = max((bound_s, step), (paced_s if job.mode == "latency" else 0.0, job.step_s))
    if beyond_s > HONEST * wall_s:
        words = f"utilisation {beyond_s / wall_s:.3f} is beyond {HONEST}: {wall_s:.3g} s for what takes {beyond_s:.3g} s at least"
        raise NgtBenchError(f"{words}, at {pace_s * 1e9:.3g} ns a step")
    history, found = job.history(), offload_metrics(job, wall_s)
    on_threads = job.events * job.graph.work_s * (1 - found["offloaded_ratio"])
    chains_s = job.step_s * (on_threads + job.looked_steps) + (job.offload.host_cpu_s if job.offload else 0.0)
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
        **found,
        "progress_spread": float(history.spread(job.slots)),
        "in_flight_b": float(job.memory_b),
        "stream_b_per_s": job.streamed_b / wall_s,
    }


def least_s(job: Job, step_s: float) -> float:
    """Return the least seconds of a run at so many seconds a step, and where a device has its part at the least it ever took."""
    graph = job.graph.scaled(step_s)
    if job.offload is None:
        return bounds.makespan_s(graph, job.events, job.threads, job.slots)
    device_s, devices, choice = job.offload.device_s, job.offload.slots, job.offload.way.chooses
    return bounds.offloaded_s(graph, job.events, job.threads, job.slots, devices, device_s, choice)


def offload_metrics(job: Job, wall_s: float) -> dict[str, float]:
    """Return the figures of the device; 0 without one."""
    if job.offload is None:
        return dict.fromkeys(OFFLOAD_METRICS, 0.0)
    found, there = job.offload.found, job.history().lane >= job.threads
    steps = float((there * job.graph.runtimes_s).sum()) / (job.events * job.graph.work_s or 1.0)
    values = (
        found.busy_ns * 1e-9 / wall_s / job.offload.slots,
        steps,
        found.tasks / max(1, found.launches),
        found.joined_ns * 1e-9 / max(1, found.tasks),
    )
    return dict(zip(OFFLOAD_METRICS, values, strict=True))
