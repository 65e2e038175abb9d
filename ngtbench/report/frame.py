"""Records as a tidy table, a row per metric of each launch: for notebooks as a pandas DataFrame, for exports as plain rows."""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ngtbench.analysis.doubts import fault
from ngtbench.errors import BadInput, Unavailable
from ngtbench.model.machine import Machine
from ngtbench.model.record import RunRecord
from ngtbench.report import wording
from ngtbench.report.arguments import sides
from ngtbench.report.systems import System, systems
from ngtbench.store.read import read

if TYPE_CHECKING:
    import pandas as pd

Value = str | int | float | bool | None
_LARGEST = 2**63  # what a column of whole numbers holds

# The unit of a median is in `unit`, for it depends on the metric; energy is of the whole timed window of all samples.
COLUMNS: dict[str, type] = {
    "system": str,
    "job": str,
    "host": str,
    "synthetic": bool,
    "tier": str,
    "suite": str,
    "commit": str,
    "case": str,
    "family": str,
    "workload": str,
    "version": int,
    "size": str,
    "impl": str,
    "dtype": str,
    "device": str,
    "threads": int,
    "ranks": int,
    "clients": int,
    "neighbour": str,
    "launch": int,
    "seed": int,
    "started_at": str,
    "status": str,
    "reason": str,
    "remedy": str,
    "variant": str,
    "profiler": str,
    "metric": str,
    "better": str,
    "figure_of_merit": bool,
    "unit": str,
    "median": float,
    "samples": int,
    "calls_per_sample": int,
    "work_flop": float,
    "work_b": float,
    "memory_b": float,
    "events": float,
    "event": str,
    "check": str,
    "error_over_rms": float,
    "tolerance_over_rms": float,
    "energy_j": float,
    "energy_error_j": float,
    "energy_window_s": float,
    "idle_w": float,
    "energy_missing": str,
    "build_s": float,
    "flags": str,
    "throttle": str,
}


def frame(*paths: str | Path) -> "pd.DataFrame":
    """Return the records of files and folders with the columns of `COLUMNS`; "LABEL=FILE" names a system, unknown is missing.

    Raises Unavailable without pandas, BadInput for what holds no records, or both synthetic and measured ones.
    """
    need("pandas")
    import pandas as pd

    names = {str: "string", bool: "boolean", int: "Int64", float: "float64"}
    made = rows(read_all([str(path) for path in paths]))
    return pd.DataFrame(
        # names of dtypes are texts here, which stubs of pandas, where there are any, want as literals
        {name: pd.Series([row[name] for row in made], dtype=names[kind]) for name, kind in COLUMNS.items()}  # type: ignore[call-overload,unused-ignore]
    )


def need(package: str) -> None:
    """Raise Unavailable where a package is missing, naming the extra that has it."""
    if importlib.util.find_spec(package) is None:
        raise Unavailable(f"package {package} is not installed", "pip install 'ngtbench[report]'")


def read_all(arguments: Sequence[str]) -> tuple[System, ...]:
    """Return the systems of FILE, FOLDER, LABEL=FILE and LABEL=FOLDER.

    Raises BadInput where there are none, or synthetic records beside measured ones.
    """
    files, labels = sides(arguments)
    if not files:
        raise BadInput("name a record file, or a folder of them")
    return systems([read(path) for path in files], {}, labels)


def rows(found: Sequence[System]) -> list[dict[str, Value]]:
    """Return the rows of systems, each with all columns."""
    made = []
    for system in found:
        machines = {digest: machine for reading in system.readings for digest, machine in reading.machines.items()}
        for run in _once(system.runs):
            made += [_row(system.label, machines[run.machine], run, metric) for metric in _metrics(run)]
    return made


def _once(runs: Sequence[RunRecord]) -> Iterator[RunRecord]:
    """Yield what is not the same record again, from a file that was copied and continued."""
    seen: dict[tuple[object, ...], list[RunRecord]] = {}
    for run in runs:
        same = seen.setdefault((run.machine, run.case, run.resources, run.launch, run.provenance.started_at), [])
        if all(run.outcome != other.outcome for other in same):
            same.append(run)
            yield run


def _metrics(run: RunRecord) -> list[str | None]:
    """Return the metrics of a record that can be believed; of any other, one that is none."""
    measured = run.outcome.measurement
    if run.outcome.status != "done" or fault(run) or measured is None:
        return [None]
    return list(measured.series)


def _row(system: str, machine: Machine, run: RunRecord, metric: str | None) -> dict[str, Value]:
    doubt = fault(run) if run.outcome.status == "done" else None
    known: dict[str, Any] = {
        "system": system,
        "host": machine.host.hostname,
        **{
            name: getattr(run.provenance, name)
            for name in ("job", "synthetic", "tier", "suite", "commit", "started_at", "profiler")
        },
        "case": run.case.id,
        "family": run.case.workload.partition("/")[0],
        **{name: getattr(run.case, name) for name in ("workload", "version", "size", "impl", "dtype")},
        **{name: getattr(run.resources, name) for name in ("device", "threads", "ranks", "clients", "neighbour")},
        "launch": run.launch,
        "seed": run.seed,
        "status": "failed" if doubt else run.outcome.status,
        "reason": doubt or run.outcome.reason,
        "remedy": run.outcome.remedy,
        "variant": run.outcome.variant,
        **_judged(run),
        **({} if metric is None else _measured(run, metric)),
    }
    return {name: _whole(known.get(name)) for name in COLUMNS}


def _judged(run: RunRecord) -> dict[str, Any]:
    verdict = run.outcome.verdict
    if verdict is None:
        return {}
    return {"check": verdict.check, "error_over_rms": verdict.error, "tolerance_over_rms": verdict.tolerance}


def _measured(run: RunRecord, metric: str) -> dict[str, Any]:
    measured, work = run.outcome.measurement, run.outcome.work
    assert measured is not None and work is not None  # of a record that can be believed
    energy, states = measured.energy, (measured.before, measured.after)
    better = {one.name: one.better for one in run.outcome.metrics}
    return {
        "metric": metric,
        "better": better.get(metric),
        "figure_of_merit": metric == run.outcome.metrics[0].name,
        "unit": wording.unit(metric),
        "median": median(measured.series[metric]) if measured.series[metric] else None,
        "samples": len(measured.series[metric]),
        "calls_per_sample": measured.calls,
        "work_flop": float(work.flop),
        "work_b": float(work.bytes),
        "memory_b": float(work.memory_b),
        "events": float(work.events),
        "event": work.event,
        "energy_j": energy.j,
        "energy_error_j": energy.error_j,
        "energy_window_s": energy.window_s,
        "idle_w": energy.idle_w,
        "energy_missing": energy.reason,
        "build_s": measured.build_s,
        "flags": "; ".join(f"{name} {figure:.3g}" for name, figure in measured.flags.items()),
        "throttle": "; ".join(dict.fromkeys(reason for state in states for reason in state.throttle or ())),
    }


def _whole(value: Value) -> Value:
    """Return a value, without whole numbers that no column holds: nobody counted that far."""
    return None if isinstance(value, int) and abs(value) >= _LARGEST else value
