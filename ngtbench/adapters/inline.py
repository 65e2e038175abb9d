"""Times one case in this process with pytest-benchmark: threads as found, the result judged before and after."""

import gc
import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ngtbench import workloads
from ngtbench.errors import Unavailable
from ngtbench.harness import stopping
from ngtbench.harness.launch import THREAD_VARIABLES
from ngtbench.harness.measure import batch
from ngtbench.harness.prepare import Prepared, prepare
from ngtbench.model.case import Job, Resources
from ngtbench.model.machine import Machine
from ngtbench.model.protocols import Probe
from ngtbench.model.record import Energy, Measurement, Outcome

_WARMUP_SHARE = 0.2
_FOUND = (*THREAD_VARIABLES, "OMP_PROC_BIND", "OMP_PLACES")


def environment() -> dict[str, str]:
    """Return the variables that set threads and binding, as found."""
    return {name: os.environ[name] for name in _FOUND if name in os.environ}


def as_found(planned: Resources, machine: Machine) -> Resources:
    """Return what a case gets in this process: libraries take every processor they may use, unless told otherwise."""
    told, bound = os.environ.get("OMP_NUM_THREADS", ""), os.environ.get("OMP_PROC_BIND", "false").lower()
    threads = int(told) if told.isdigit() and int(told) else len(machine.cpu.affinity) or machine.cpu.usable_threads
    return replace(planned, threads=threads, bind=planned.bind and bound != "false")


def timed(benchmark: Any, job: Job, probe: Probe, most_s: float, least: int) -> Outcome:
    """Time a case with the fixture of pytest-benchmark, for about `most_s` seconds and at least `least` rounds.

    A wrong result stands in the outcome, and the fixture then keeps it out of files. Raises what the code under test raises.
    """
    if workloads.load(job.case.workload).repeat == "trials":
        return Outcome("skipped", reason="its trials time themselves", remedy=f"ngtbench run {job.case.workload}")
    try:
        prepared = prepare(job.case, job.resources, job.seed)
    except Unavailable as error:
        return Outcome("skipped", reason=error.reason, remedy=error.remedy or None)
    try:
        return _outcome(benchmark, prepared, probe, most_s, least)
    finally:
        backend = prepared.backend
        del prepared
        gc.collect()
        backend.release()


def _outcome(benchmark: Any, prepared: Prepared, probe: Probe, most_s: float, least: int) -> Outcome:
    common = Outcome("wrong", work=prepared.work, metrics=prepared.workload.metrics, variant=prepared.variant)
    if not prepared.verdict.passed:
        return replace(common, reason=prepared.verdict.reason, verdict=prepared.verdict)
    measurement, outputs = _measured(benchmark, prepared, probe, most_s, least)
    verdict = prepared.check(outputs)
    if not verdict.passed:
        benchmark.has_error = True  # pytest-benchmark leaves it out of its file
        return replace(common, reason=f"right before timing, wrong after it: {verdict.reason}", verdict=verdict)
    return replace(common, status="done", measurement=measurement, verdict=verdict)


def _measured(benchmark: Any, prepared: Prepared, probe: Probe, most_s: float, least: int) -> tuple[Measurement | None, Any]:
    """Return the measurement and the last outputs; no measurement under --benchmark-disable."""
    clock, run = prepared.backend.clock, _waiting(prepared)
    calls = batch(clock, run) if prepared.backend.device.startswith("cpu") else 1
    rounds = max(least, math.ceil(most_s / clock.time(run, calls).wall_s))
    warming = math.ceil(_WARMUP_SHARE * rounds)
    ends: list[float] = []

    def ended() -> None:
        ends.append(time.perf_counter())

    before, begin = probe.health(), time.perf_counter()
    outputs = benchmark.pedantic(run, rounds=rounds, iterations=calls, warmup_rounds=warming, teardown=ended)
    if benchmark.stats is None:
        return None, outputs
    wall = tuple(benchmark.stats.stats.data)
    starts = [end - calls * taken for end, taken in zip(ends[warming : warming + rounds], wall, strict=True)]
    overhead_s = _overhead_s(calls)
    return Measurement(
        series={"wall_s": wall},
        at_s=tuple(start - starts[0] for start in starts),
        calls=calls,
        warmup_s=max(0.0, starts[0] - begin),
        warmup_calls=warming * calls,
        build_s=prepared.build_s,
        timer=f"pytest-benchmark, {benchmark.stats.as_dict()['options']['timer']}",
        timer_resolution_s=clock.resolution_s,
        overhead_s=overhead_s,
        energy=Energy(None, ends[-1] - begin, None, None, None, "not read where pytest-benchmark holds the stopwatch"),
        before=before,
        after=probe.health(),
        flags=stopping.flags(wall, wall[-1] * calls, clock.resolution_s),
    ), outputs


def _waiting(prepared: Prepared) -> Callable[[], Any]:
    """Return what is timed: the run itself, on a GPU with a wait for the device after every call."""
    if prepared.backend.device.startswith("cpu"):
        return prepared.run

    def run() -> Any:
        outputs = prepared.run()
        prepared.backend.synchronise()
        return outputs

    return run


def _overhead_s(calls: int) -> float:
    """Return seconds per empty call in a loop like pytest-benchmark's: the least of five samples."""

    def nothing() -> None:
        pass

    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(max(calls, 1000)):
            nothing()
        best = min(best, time.perf_counter() - start)
    return best / max(calls, 1000)
