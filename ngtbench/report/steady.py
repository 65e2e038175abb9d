"""How well machines repeat themselves: the spread of launch medians, as HEPScore defines it."""

from collections.abc import Sequence

from ngtbench.analysis.statistics import repeatability
from ngtbench.model.comparison import Result
from ngtbench.report.systems import System
from ngtbench.report.tables import Row, Table, cell, links
from ngtbench.units import percent

HEPSCORE = 0.0068  # median over its machines, as published


def spreads(system: System) -> list[tuple[float, Result]]:
    """Return (p95 - p5) / median of the launch medians of every case with launches enough, the least first."""
    found = [(repeatability(result.launch_medians), result) for result in system.ended("done")]
    return sorted(((spread, result) for spread, result in found if spread is not None), key=lambda one: one[0])


def table(systems: Sequence[System]) -> Table:
    """Return the repeatability of each system over its cases."""
    rows = []
    for number, system in enumerate(systems):
        found = spreads(system)
        cases = cell(f"{len(found)} of {len(system.ended('done'))}", kind="number")
        jobs = cell(str(len(system.jobs)), kind="number")
        if not found:
            few = cell("no case has three launches", kind="quiet")
            rows.append(Row((cell(system.label), jobs, cases, few), systems=(number,), span=3))
            continue
        middle, high, worst = found[len(found) // 2], found[min(len(found) - 1, int(0.95 * len(found)))], found[-1]
        figures = [cell(percent(value), kind="number") for value in (middle[0], high[0])]
        most = cell(percent(worst[0]), kind="number")
        rows.append(Row((cell(system.label), jobs, cases, *figures, most, links([worst[1].case.id])), systems=(number,)))
    note = "(p95 − p5) / median of the medians of all launches of a case, HEPScore's own definition. "
    note += f"Published, not measured here: HEPScore gives a median of {percent(HEPSCORE)} for itself."
    columns = ("System", "Jobs", "Cases with three launches", "Median case", "95 % of cases below", "Worst", "Worst case")
    return Table("repeatability", "Repeatability", columns, tuple(rows), note)
