"""Tables of energy: what was measured, with its sensor, and what was not, with the reason."""

from collections.abc import Sequence

from ngtbench.model.comparison import Result
from ngtbench.report.systems import System
from ngtbench.report.tables import Cell, Row, Table, cell, links
from ngtbench.units import percent, si


def measured(systems: Sequence[System]) -> Table:
    """Return energy per unit of work and mean power of every case that a sensor watched, the systems side by side."""
    found: dict[str, dict[int, list[Result]]] = {}
    for number, system in enumerate(systems):
        for result in system.ended("done"):
            if result.power_w is not None:
                found.setdefault(result.case.id, {}).setdefault(number, []).append(result)
    rows = [_row(case, known, len(systems)) for case, known in sorted(found.items())]
    said = [words for system in systems for words in _said(system)]
    note = "Energy per unit of work with its error, and mean power: gross, over the timed window; above idle where that is said. "
    note += f"Sensors, and what they see: {'; '.join(said)}."
    columns = ("Case", *(system.label for system in systems))
    return Table("energy", "Energy and power", columns, tuple(rows), note, "Not measured on any machine; the reasons are below.")


def _row(case: str, known: dict[int, list[Result]], systems: int) -> Row:
    cells = [_cell(known[number]) if number in known else cell("–", kind="quiet") for number in range(systems)]
    return Row((links([case]), *cells), next(iter(known.values()))[0].case, tuple(known))


def _cell(results: Sequence[Result]) -> Cell:
    """Write energy and power of a case on one system, on every device that it ran on."""
    lines = []
    for result in results:
        if result.event_j is not None and result.work is not None:
            error = "" if result.event_error is None else f" ± {percent(result.event_error)}"
            lines.append(f"{si(result.event_j, 'J')} per {result.work.event}{error}")
            lines += [] if result.event_net_j is None else [f"{si(result.event_net_j, 'J')} of it above idle"]
        if result.target_j is not None:
            lines.append(f"{si(result.target_j, 'J')} to the target")
        where = f", {result.resources.device} × {result.resources.threads}" if len(results) > 1 else ""
        lines.append(f"{si(result.power_w, 'W')}{where}")
    return cell(*lines)


def _said(system: System) -> list[str]:
    """Say what a system's sensors are, and its idle power, where it was read."""
    known = [result for result in system.ended("done") if result.power_w is not None]
    sensors = sorted({result.power_said for result in known})
    idle = sorted({si(result.idle_w, "W") for result in known if result.idle_w is not None})
    return [f"{system.label}: {', '.join(sensors)}" + (f", idle {', '.join(idle[:3])}" if idle else "")] if known else []


def missing(systems: Sequence[System]) -> Table:
    """Return of how many cases of each machine no energy was measured, and why."""
    rows = []
    for number, system in enumerate(systems):
        done = system.ended("done")
        reasons: dict[str, int] = {}
        for result in done:
            if result.power_w is None:
                reasons[result.power_said] = reasons.get(result.power_said, 0) + 1
        for reason, count in reasons.items():
            cells = (cell(system.label), cell(f"{count} of {len(done)}", kind="number"), cell(reason))
            rows.append(Row(cells, systems=(number,)))
    columns = ("System", "Cases", "Why")
    return Table("no-energy", "Not measured, and why", columns, tuple(rows), empty="Every case has its energy.")
