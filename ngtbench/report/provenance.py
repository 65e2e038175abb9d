"""Tables of where a page's numbers come from, and of what is in no ranking."""

from collections.abc import Sequence

from ngtbench.report import tables
from ngtbench.report.published import Figure as Published
from ngtbench.report.systems import System
from ngtbench.report.tables import Table, cell
from ngtbench.store.read import Reading
from ngtbench.units import si


def endings(systems: Sequence[System]) -> list[Table]:
    """Return what was wrong, failed or skipped, each with its reason, and what was planned but never recorded."""
    return [
        tables.ended(systems, "wrong", "Wrong", "The result differs from the oracle's: in no ranking, ratio or mean.", "None."),
        tables.ended(systems, "failed", "Failed", "Ended without a result: in no ranking, ratio or mean.", "None."),
        tables.ended(systems, "skipped", "Skipped", "Could not run on this machine.", "None."),
        _watched(systems),
        _unrecorded(systems),
    ]


def files(readings: Sequence[Reading]) -> Table:
    """Return every file with its digest."""
    rows = [
        (
            cell(reading.path.name, kind="name"),
            cell(reading.sha256, kind="name"),
            cell(str(len(reading.runs)), kind="number"),
            cell(*reading.notes, kind="warn") if reading.notes else cell("none", kind="quiet"),
        )
        for reading in readings
    ]
    return Table("files", "Files", ("File", "SHA-256", "Run records", "Notes on reading"), tuple(rows))


def runs(systems: Sequence[System]) -> Table:
    """Return how each machine's records were made."""
    columns = ("Machine", "File", "Suite", "Run", "Seeds", "Launches", "Made", "Environment")
    return Table("provenance", "How they were made", columns, tuple(map(_run, systems)))


def published(found: Sequence[Published]) -> Table:
    """Return figures that others published."""
    rows = [
        (cell(one.hardware), cell(one.what), cell(si(one.value, one.unit, 4), kind="number"), cell(one.source)) for one in found
    ]
    note = "Published by others, measured by nobody here, part of no table, ratio or chart above."
    return Table(
        "published", "By others", ("Hardware", "What", "Published value", "Source"), tuple(rows), note, "None are shipped."
    )


def _run(system: System) -> tuple[tables.Cell, ...]:
    plans = [plan for reading in system.readings for plan in reading.plans]
    asked = [
        f"suite {plan.selection.suite}, budget {plan.selection.budget_s:g} s, order seed {plan.order_seed}"
        + (f", of {' '.join(plan.selection.workloads)}" if plan.selection.workloads else "")
        for plan in plans
    ]
    times = sorted(run.provenance.started_at for run in system.runs)
    settings = sorted({f"{name}={value}" for run in system.runs for name, value in run.provenance.environment.items()})
    return (
        cell(system.label),
        cell(*(reading.path.name for reading in system.readings), kind="name"),
        cell(*sorted({result.suite for result in system.results}) or ["–"]),
        cell(*dict.fromkeys(asked)) if asked else cell("no plan recorded", kind="quiet"),
        cell(", ".join(map(str, sorted({run.seed for run in system.runs}))) or "–"),
        cell(str(len({run.launch for run in system.runs})), kind="number"),
        cell(times[0], f"to {times[-1]}") if times else cell("–"),
        cell(*settings) if settings else cell("–"),
    )


def _watched(systems: Sequence[System]) -> Table:
    rows = [
        (cell(system.label), cell(result.case.id, kind="name"), cell(result.profiler or ""))
        for system in systems
        for result in system.watched
    ]
    note = "A profiler slows what it watches: measured, right, and in no ranking, ratio or mean."
    return Table("watched", "Watched by a profiler", ("Machine", "Case", "By"), tuple(rows), note, "None.")


def _unrecorded(systems: Sequence[System]) -> Table:
    readings = {reading.path: reading for system in systems for reading in system.readings}
    rows = [(cell(path.name), cell(*reading.missing, kind="name")) for path, reading in readings.items() if reading.missing]
    note = "The run was cut off before these: `ngtbench run --resume FILE` finishes it."
    return Table(
        "unrecorded", "Planned, not recorded", ("File", "Cases"), tuple(rows), note, "None: every planned case has a record."
    )
