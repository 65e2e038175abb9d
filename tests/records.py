"""Records for tests that read them: plain, done and right unless told otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ngtbench.model.case import Case, Metric, Resources, Work
from ngtbench.model.machine import Machine
from ngtbench.model.record import Energy, Health, MachineRecord, Measurement, Outcome, Provenance, RunRecord, Verdict
from ngtbench.store import codec
from ngtbench.store.read import Reading, read

STEADY = tuple(1e-3 * (1 + 0.001 * ((7 * k) % 11 - 5)) for k in range(44))  # median 1 ms, no two neighbours alike
WORK = Work(flop=2_000_000, bytes=24_000_000, memory_b=24_000_000, events=1_000_000, event="element")
VERDICT = Verdict(True, "full", 1e-17, 1e-15, "a[3]", {}, "00ff")


def case(workload: str = "system/triad", impl: str = "numpy", dtype: str = "float64", size: str = "M", version: int = 1) -> Case:
    """Return a case."""
    return Case(workload, version, size, impl, dtype)


def measurement(samples: Sequence[float] = STEADY, **more: Sequence[float]) -> Measurement:
    """Return a measurement of these wall times and other series."""
    return Measurement(
        series={"wall_s": tuple(samples)} | {name: tuple(values) for name, values in more.items()},
        at_s=tuple(0.001 * k for k in range(len(samples))),
        calls=1,
        warmup_s=0.1,
        warmup_calls=10,
        build_s=0.1,
        timer="perf_counter_ns",
        timer_resolution_s=1e-7,
        overhead_s=5e-8,
        energy=Energy(None, 1.0, None, None, None, "no counter"),
        before=Health(),
        after=Health(),
    )


def done(samples: Sequence[float] = STEADY, work: Work = WORK) -> Outcome:
    """Return an outcome that was measured and is right."""
    return Outcome("done", measurement=measurement(samples), verdict=VERDICT, work=work, metrics=(Metric("wall_s"),))


def run(
    outcome: Outcome | None = None, of: Case | None = None, device: str = "cpu:0", threads: int = 8, launch: int = 0
) -> RunRecord:
    """Return a record; its machine is set where it is written."""
    return RunRecord(
        case=of or case(),
        resources=Resources(device, threads, device.startswith("cpu")),
        launch=launch,
        seed=1 + launch,
        machine="",
        outcome=outcome or done([x * (1 + 1e-9 * launch) for x in STEADY]),  # no two launches take the same
        provenance=Provenance("2026-11-01T00:00:00+00:00", 1.0, "0.1.0", "c0ffee" * 6, False, "ported", {"OMP_NUM_THREADS": "8"}),
    )


def written(path: Path, machine: Machine, *runs: RunRecord) -> Reading:
    """Write a record file of one machine and read it."""
    digest = codec.digest(machine)
    lines = [MachineRecord(digest, machine), *(replace(one, machine=digest) for one in runs)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(codec.to_json(line) + "\n" for line in lines), encoding="utf-8")  # no disk is waited for
    return read(path)
