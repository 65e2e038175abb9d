"""Tables of results as plain text cells: families, comparisons, and what did not end well."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ngtbench.model.comparison import Comparison, Fraction, Result, Score
from ngtbench.report import wording
from ngtbench.report.systems import System, rank
from ngtbench.units import percent


@dataclass(frozen=True)
class Cell:
    """Lines of text; `kind` is one of "", "number", "number rates", "name", "warn", "quiet"."""

    lines: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """What a page shows under one heading; `empty` stands where there are no rows."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    empty: str = "None."


def cell(*lines: str, kind: str = "") -> Cell:
    """Return a cell of these lines, empty ones left out."""
    return Cell(tuple(line for line in lines if line), kind)


def families(systems: Sequence[System]) -> list[Table]:
    """Return a table per family of everything that was measured and proved right, rivals of a problem side by side."""
    done = [(system, result) for system in systems for result in system.ended("done")]
    names = sorted({result.family for _, result in done})
    return [_family(name, [(s, r) for s, r in done if r.family == name]) for name in names]


def _family(name: str, done: list[tuple[System, Result]]) -> Table:
    columns = (
        "Case",
        "Ran on",
        "Figure of merit",
        "95 % interval",
        "Rates",
        "Share of limit",
        "Error against the oracle",
        "Also measured",
        "Flags",
    )
    rows = tuple(_done_row(system, result) for system, result in sorted(done, key=lambda item: rank(item[1])))
    note = "Ordered by problem, the best figure of merit first. Every case here passed its check."
    reasons = dict.fromkeys(result.power_said for _, result in done if result.power_w is None)
    note += f" Power was not measured where it says so: {'; '.join(reasons)}." if reasons else ""
    return Table(f"family-{name}", f"Family {name}", columns, rows, note)


def _done_row(system: System, result: Result) -> tuple[Cell, ...]:
    assert result.metric is not None and result.figure is not None  # done results have both
    name, figure = result.metric.name, result.figure
    better = "" if result.metric.better == "lower" else "higher is better"
    sheet = system.datasheet(result)
    shares = wording.share(system.fraction(result)) + ([] if sheet is None else _sheet(sheet))
    return (
        cell(result.case.id, result.variant or "", "optimised" if result.tier == "optimised" else "", kind="name"),
        cell(system.label, wording.place(result)),
        cell(wording.amount(name, figure.value), wording.NAMES.get(name, name), better, *_cold(result), kind="number"),
        cell(wording.spread(name, figure), *wording.basis(figure), kind="number"),
        cell(*wording.rates(result), *wording.saturation(result), kind="number rates"),
        cell(*shares),
        cell(*wording.error(result), kind="number"),
        cell(*_others(result)),
        cell(*flags, kind="warn") if (flags := wording.flags(result)) else cell("none", kind="quiet"),
    )


def _cold(result: Result) -> list[str]:
    found = result.intervals.get("cold_s")
    return [f"{wording.amount('cold_s', found.value)}, {wording.NAMES['cold_s']}"] if found else []


def _sheet(sheet: Fraction) -> list[str]:
    return [f"{percent(sheet.value)} of {sheet.limit}"] if sheet.value is not None else [f"data sheet: {sheet.reason}"]


def _others(result: Result) -> list[str]:
    """Write every other metric with its interval, and power."""
    words = []
    for name, found in result.intervals.items():
        if result.metric and name != result.metric.name:
            words.append(f"{wording.NAMES.get(name, name)} {wording.amount(name, found.value)} ({wording.spread(name, found)})")
    if result.power_w is None:
        return [*words, "power not measured"]
    return [*words, f"power {wording.amount('mean_w', result.power_w)} mean, {result.power_said}", *wording.energy(result)]


def ended(systems: Sequence[System], status: str, title: str, note: str, empty: str) -> Table:
    """Return what ended so, with reasons; equal reasons of one workload and place in one row where they were skipped."""
    columns = ("Cases", "On", "Reason", "Remedy" if status == "skipped" else "Check")
    rows = []
    for system in systems:
        groups: dict[tuple[str, str, str, str], list[str]] = {}
        for result in system.ended(status):
            last = result.remedy or "" if status == "skipped" else "; ".join(wording.error(result)) if result.verdict else ""
            key = (
                result.case.workload if status == "skipped" else result.case.id,
                wording.place(result),
                result.reason or "",
                last,
            )
            groups.setdefault(key, []).append(result.case.id)
        for (_, place, reason, last), cases in groups.items():
            kind = "" if status == "skipped" else "warn"
            rows.append((cell(*cases, kind="name"), cell(system.label, place), cell(reason, kind=kind), cell(last or "–")))
    return Table(status, title, columns, tuple(rows), note, empty)


def comparison(a: System, b: System, found: Iterable[Comparison], number: int) -> Table:
    """Return the ratios of B over A, and below them what is not comparable and why."""
    ranked = sorted(found, key=lambda one: (one.case.problem, one.case.impl))
    rows = [_ratio_row(one) for one in ranked if one.ratio is not None]
    apart: dict[tuple[str, Cell, Cell], list[str]] = {}
    for one in ranked:
        if one.ratio is None:
            apart.setdefault((one.reason or "", cell(*_side(one.a)), cell(*_side(one.b))), []).append(one.case.id)
    for (reason, *places), cases in apart.items():
        rows.append((cell(*cases, kind="name"), *places, cell("not comparable", kind="quiet"), cell("–"), cell(reason)))
    columns = ("Case", "A ran on", "B ran on", "B over A", "95 % interval", "Beside it, or why not")
    title = f"A = {a.label}, B = {b.label}"
    note = f"Above 1, B ({b.label}) is better; below 1, A ({a.label}) is."
    return Table(f"comparison-{number}", title, columns, tuple(rows), note, "Neither side has a case.")


def _ratio_row(one: Comparison) -> tuple[Cell, ...]:
    interval = f"{one.low:.3f} to {one.high:.3f}" if one.low is not None and one.high is not None else "none: a side has none"
    return (
        cell(one.case.id, kind="name"),
        cell(*_side(one.a)),
        cell(*_side(one.b)),
        cell(f"{one.ratio:.3f}", kind="number"),
        cell(interval, kind="number"),
        cell(*one.notes) if one.notes else cell("nothing", kind="quiet"),
    )


def _side(result: Result | None) -> list[str]:
    if result is None:
        return ["–"]
    if result.status != "done" or result.metric is None or result.figure is None:
        return [wording.place(result), result.status]
    return [wording.place(result), wording.amount(result.metric.name, result.figure.value)]


def score(found: Score, number: int) -> Table:
    """Return the geometric means of one comparison."""
    rows = [
        (cell(family, kind="name"), cell(f"{mean:.3f}", kind="number"), cell(str(count), kind="number"))
        for family, (mean, count) in sorted(found.families.items())
    ]
    if found.overall is not None:
        all_cases = cell(str(found.cases), kind="number")
        rows.append((cell(f"all families, weights {found.weights}"), cell(f"{found.overall:.3f}", kind="number"), all_cases))
    note = f"Geometric means over {found.cases} comparable cases, of which {found.distinct} have an interval that excludes 1; "
    note += f"{found.incomparable} were not comparable and are in no mean. A mean has no interval: its cases share a machine."
    columns = ("Family", "B over A", "Cases")
    return Table(f"score-{number}", "Geometric means", columns, tuple(rows), note, "No case is comparable.")
