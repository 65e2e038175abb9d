"""Table of what parts of a whole take, and how much faster it would be without them."""

from collections.abc import Sequence

from ngtbench.analysis.amdahl import bounds, parts
from ngtbench.report.systems import System
from ngtbench.report.tables import Row, Table, cell, links
from ngtbench.units import percent


def table(systems: Sequence[System]) -> Table:
    """Return the parts of every whole of every machine, with the bound of Amdahl's law."""
    rows = []
    for number, system in enumerate(systems):
        for part in parts(system.results):
            span = "–" if part.low is None or part.high is None else f"{percent(part.low)} to {percent(part.high)}"
            limits = bounds(part)
            least = "" if limits is None else f"{limits[0]:.3g} to {'any' if limits[1] is None else f'{limits[1]:.3g}'}"
            gain = cell("–", part.reason or "", kind="quiet") if part.speedup is None else cell(f"{part.speedup:.3g}", least)
            cells = (
                links([part.whole.case.id]),
                cell(system.label, part.whole.resources.device),
                cell(part.what),
                cell(percent(part.share), span, kind="number"),
                gain,
            )
            rows.append(Row(cells, part.whole.case, (number,)))
    note = "Amdahl's law: if this part cost nothing, the whole would be that much faster, and no more."
    columns = ("Case", "System", "Part", "Share of the time, 95 % interval", "At most faster by, 95 % interval")
    return Table("amdahl", "Parts of end-to-end workloads", columns, tuple(rows), note, "No whole whose parts were timed.")
