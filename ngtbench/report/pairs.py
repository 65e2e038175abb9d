"""Tables of comparisons: each system with the reference, like for like and best for best, ported and optimised apart."""

from collections.abc import Sequence

from ngtbench.analysis.ratio import LEVEL
from ngtbench.model.case import Tier
from ngtbench.model.comparison import Comparison, Result
from ngtbench.report import wording
from ngtbench.report.findings import Findings, Pair
from ngtbench.report.systems import System
from ngtbench.report.tables import Cell, Row, Table, cell, links

_COLUMNS = ("Case", "A", "B", "B over A", "95 % interval", "Told from equal?", "Beside it, or why not")


def comparison(findings: Findings, pair: Pair, tier: Tier, best: bool) -> Table:
    """Return one table of ratios, and below them what is not comparable, by reasons."""
    base, found = findings.reference, pair.tables[tier, best]
    ratios = sorted((one for one in found if one.ratio is not None), key=lambda one: (one.case.problem, one.case.impl))
    numbers = (findings.systems.index(base), pair.number)
    common = set.intersection(*(_beside(one) for one in ratios)) if ratios else set()
    rows = [_ratio_row(one, numbers, common) for one in ratios]
    rows += _apart([one for one in found if one.ratio is None], numbers)
    kind = "best implementation of each" if best else "like for like"
    title = f"{tier.capitalize()}, {kind}: A = {base.label}, B = {pair.system.label}"
    note = f"{_note(ratios, base, pair.system)} {_together(common)}"
    return Table(table_id(pair, tier, best), title, _COLUMNS, tuple(rows), note, "Neither side has such a case.")


def table_id(pair: Pair, tier: Tier, best: bool) -> str:
    """Return the id of a table of a pair."""
    return f"comparison-{pair.number}-{tier}-{'best' if best else 'like'}"


def _note(ratios: Sequence[Comparison], a: System, b: System) -> str:
    """Say how to read the table, how many comparisons it holds, and how many would look different by chance."""
    told = sum(one.distinct is True for one in ratios)
    judged = sum(one.distinct is not None for one in ratios)
    words = f"Above 1, {b.label} is faster; below 1, {a.label}. {len(ratios)} comparisons: {told} distinguishable, "
    words += f"{judged - told} not distinguishable, {len(ratios) - judged} not told."
    if judged:
        words += (
            f" Taken one by one, {LEVEL * judged:.3g} of {judged} would look different by chance alone even if all were equal; "
        )
        words += "“distinguishable” holds for all of the table together (Holm, 5 %)."
    if any(one.basis != "between jobs" for one in ratios):
        words += (
            " Within one job an interval lacks the spread between jobs, and only ratios beyond three times a stated spread of "
        )
        words += "it count as distinguishable."
    return words


def _together(common: set[str]) -> str:
    return f"Of every row: {'; '.join(sorted(common))}." if common else ""


def _ratio_row(one: Comparison, numbers: tuple[int, int], common: set[str]) -> Row:
    interval = f"{one.low:.3f} to {one.high:.3f}" if one.low is not None and one.high is not None else "none: a side has none"
    notes = [note for note in one.notes if note not in common]
    cells = (
        links([one.case.id]),
        cell(*_side(one.a, "A", common)),
        cell(*_side(one.b, "B", common), one.b.case.impl if one.b and one.b.case.impl != one.case.impl else ""),
        cell(f"{one.ratio:.3f}", kind="number"),
        cell(interval, "" if one.basis in common else one.basis, kind="number"),
        _told(one),
        cell(*notes) if notes else cell("–", kind="quiet"),
    )
    return Row(cells, one.case, numbers)


def _told(one: Comparison) -> Cell:
    if one.distinct is None:
        return cell("not told", kind="quiet")
    if not one.distinct:
        return cell("not distinguishable", kind="quiet")
    return cell("distinguishable", f"{'B' if (one.ratio or 0) > 1 else 'A'} faster")


def _apart(found: Sequence[Comparison], numbers: tuple[int, int]) -> list[Row]:
    """Return what is not comparable, equal reasons of one family together."""
    groups: dict[tuple[str, str, str], list[Comparison]] = {}
    for one in found:
        status = next((side.status for side in (one.b, one.a) if side is not None and side.status != "done"), "done")
        groups.setdefault((one.reason or "", one.case.workload.partition("/")[0], status), []).append(one)
    rows = []
    for (reason, _, status), same in groups.items():
        cells = (links([one.case.id for one in same]), cell(f"not comparable: {reason}", kind="quiet"))
        rows.append(Row(cells, same[0].case, numbers, status, span=len(_COLUMNS) - 1))
    return rows


def _beside(one: Comparison) -> set[str]:
    """Return what is said of a ratio beside it: notes, what its interval rests on, and where both sides ran."""
    places = {_ran(side, result) for side, result in (("A", one.a), ("B", one.b)) if result is not None}
    return {*one.notes, one.basis, *places}


def _ran(side: str, result: Result) -> str:
    return f"{side} on {wording.place(result)}"


def _side(result: Result | None, side: str, common: set[str]) -> list[str]:
    if result is None or result.metric is None or result.figure is None:
        return ["–"]
    figure = wording.amount(result.metric.name, result.figure.value)
    return [figure] if _ran(side, result) in common else [figure, wording.place(result)]
