"""Table of what parts of a whole take, and how much faster it would be without them."""

from collections.abc import Sequence

from ngtbench.analysis.amdahl import Part, bounds, parts
from ngtbench.report.systems import System
from ngtbench.report.tables import Cell, Row, Table, cell
from ngtbench.units import percent


def table(systems: Sequence[System]) -> Table:
    """Return the parts of every whole, the systems side by side, with the bound of Amdahl's law."""
    found: dict[tuple[str, str, str], dict[int, list[Part]]] = {}
    for number, system in enumerate(systems):
        for part in parts(system.results):
            key = (part.whole.case.id, part.whole.resources.device, part.what)
            found.setdefault(key, {}).setdefault(number, []).append(part)
    by_case = sorted(found.items(), key=lambda item: item[0][0])
    rows = [_row(device, what, known, len(systems)) for (_, device, what), known in by_case]
    note = "Of each part its share of the time with the 95 % interval, and by Amdahl's law how many times faster the whole would "
    note += "be, at most, if the part cost nothing, with the interval that follows."
    columns = ("Part", *(system.label for system in systems))
    empty = "No whole whose parts were timed."
    return Table("amdahl", "Parts of end-to-end workloads", columns, tuple(rows), note, empty, by_case=True)


def _row(device: str, what: str, known: dict[int, list[Part]], systems: int) -> Row:
    cells = [_cell(known[number]) if number in known else cell("–", kind="quiet") for number in range(systems)]
    return Row((cell(what, device), *cells), next(iter(known.values()))[0].whole.case, tuple(known))


def _cell(found: Sequence[Part]) -> Cell:
    """Write a part on one system, for every number of threads that the whole ran with there."""
    lines: list[str] = []
    for part in found:
        where = f", {part.whole.resources.threads} threads" if len(found) > 1 else ""
        span = "" if part.low is None or part.high is None else f"{percent(part.low)} to {percent(part.high)}"
        limits = bounds(part)
        least = "" if limits is None else f" ({limits[0]:.3g} to {'any' if limits[1] is None else f'{limits[1]:.3g}'})"
        lines += [percent(part.share) + where, span, part.reason or "" if part.speedup is None else f"×{part.speedup:.3g}{least}"]
    return cell(*lines, kind="number")
