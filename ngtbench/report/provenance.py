"""Tables of where a page's numbers come from, and of what is in no ranking."""

from collections.abc import Sequence

from ngtbench import __version__
from ngtbench.model.comparison import Result
from ngtbench.report import wording
from ngtbench.report.published import Figure as Published
from ngtbench.report.systems import System
from ngtbench.report.tables import Cell, Row, Table, cell, links, plain
from ngtbench.store.read import Reading
from ngtbench.units import si


def endings(systems: Sequence[System]) -> list[Table]:
    """Return what was wrong, failed or skipped, each with its reason, and what was planned but never recorded."""
    return [
        _ended(systems, "wrong", "The result differs from the oracle's: in no ranking, ratio or mean."),
        _ended(systems, "failed", "Ended without a result: in no ranking, ratio or mean."),
        _ended(systems, "skipped", "Could not run on this machine."),
        _watched(systems),
        _unrecorded(systems),
    ]


def _ended(systems: Sequence[System], status: str, note: str) -> Table:
    """Return what ended so, with reasons; equal reasons of one family and place in one row."""
    columns = ("Cases", "On", "Reason", "Remedy" if status == "skipped" else "Check")
    rows = []
    for number, system in enumerate(systems):
        groups: dict[tuple[str, ...], list[Result]] = {}
        for result in system.ended(status):
            last = result.remedy or "" if status == "skipped" else "; ".join(wording.error(result)) if result.verdict else ""
            groups.setdefault((result.family, wording.place(result), result.reason or "", last), []).append(result)
        for (_, place, reason, last), same in groups.items():
            cells = (
                links(list(dict.fromkeys(result.case.id for result in same))),
                cell(system.label, place),
                cell(reason, kind="" if status == "skipped" else "warn"),
                cell(last or "–"),
            )
            rows.append(Row(cells, same[0].case, (number,), status))
    return Table(status, status.capitalize(), columns, tuple(rows), note)


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
    return Table("files", "Files", ("File", "SHA-256", "Run records", "Notes on reading"), plain(rows))


def runs(systems: Sequence[System]) -> Table:
    """Return how each machine's records were made."""
    columns = ("System", "Jobs", "Files", "Suite", "Run", "Seeds", "Launches", "Made", "Environment")
    return Table("provenance", "How they were made", columns, plain(map(_run, systems)))


def page(command: str, anonymised: Sequence[str]) -> Table:
    """Return how the page itself was made."""
    rows = [
        (cell("Command line", kind="name"), cell(command or "not recorded")),
        (cell("ngtbench", kind="name"), cell(__version__)),
        (cell("Anonymised", kind="name"), cell(*anonymised) if anonymised else cell("nothing was replaced")),
    ]
    return Table("page", "How this page was made", ("What", "How"), plain(rows))


def published(found: Sequence[Published]) -> Table:
    """Return figures that others published."""
    rows = [
        (cell(one.hardware), cell(one.what), cell(si(one.value, one.unit, 4), kind="number"), cell(one.source)) for one in found
    ]
    note = "Published by others, measured by nobody here, part of no table, ratio or chart above."
    columns = ("Hardware", "What", "Published value", "Source")
    return Table("published", "By others", columns, plain(rows), note, "None are shipped.")


def _run(system: System) -> tuple[Cell, ...]:
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
        cell(*system.jobs or ["–"]),
        cell(*(reading.path.name for reading in system.readings), kind="name"),
        cell(*sorted({result.suite for result in system.results}) or ["–"]),
        cell(*dict.fromkeys(asked)) if asked else cell("no plan recorded", kind="quiet"),
        cell(", ".join(map(str, sorted({run.seed for run in system.runs}))) or "–"),
        cell(str(len({(run.provenance.job, run.launch) for run in system.runs})), kind="number"),
        cell(times[0], f"to {times[-1]}") if times else cell("–"),
        cell(*settings) if settings else cell("–"),
    )


def _watched(systems: Sequence[System]) -> Table:
    rows = [
        Row((cell(system.label), links([result.case.id]), cell(result.profiler or "")), result.case, (number,))
        for number, system in enumerate(systems)
        for result in system.watched
    ]
    note = "A profiler slows what it watches: measured, right, and in no ranking, ratio or mean."
    return Table("watched", "Watched by a profiler", ("System", "Case", "By"), tuple(rows), note)


def _unrecorded(systems: Sequence[System]) -> Table:
    readings = {reading.path: reading for system in systems for reading in system.readings}
    rows = [(cell(path.name), cell(*reading.missing, kind="name")) for path, reading in readings.items() if reading.missing]
    note = "The run was cut off before these: `ngtbench run --resume FILE` finishes it."
    empty = "None: every planned case has a record."
    return Table("unrecorded", "Planned, not recorded", ("File", "Cases"), plain(rows), note, empty)
