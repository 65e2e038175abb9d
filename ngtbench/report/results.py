"""Tables of results: families, case by case, and how right they are."""

from collections.abc import Mapping, Sequence

from ngtbench.model.comparison import Fraction, Result
from ngtbench.report import wording
from ngtbench.report.findings import Findings, named
from ngtbench.report.shown import slug
from ngtbench.report.systems import System, rank
from ngtbench.report.tables import Cell, Row, Table, cell, links
from ngtbench.units import percent

_COLUMNS = ("System", "Figure of merit", "95 % interval", "Rates", "Share of limit", "Also measured", "Flags")
Placed = tuple[int, System, Result]


def families(systems: Sequence[System]) -> list[str]:
    """Return the families of which anything was measured and proved right."""
    return sorted({result.family for system in systems for result in system.ended("done")})


def best(family: str, findings: Findings) -> Table:
    """Return how fast each system's best implementation of each problem is, as a share of the fastest system's."""
    rows, systems = [], findings.systems
    for problem, shares in findings.relative.items():
        known = next(result for result, _ in shares.values())
        if known.family == family:
            cells = [_share(shares.get(system.label), system, problem) for system in systems]
            rows.append(Row((cell(problem, kind="name"), *cells), known.case, tuple(range(len(systems)))))
    note = "100 % is the fastest system of the problem; each with its best implementation on its best device, ours as shipped. "
    note += "Else how it ended there; a dash: not tried, or not comparable with the reference's, see Comparison."
    columns = ("Problem", *(system.label for system in systems))
    return Table(f"best-{slug(family)}", f"Family {family}: speed relative to the fastest", columns, tuple(rows), note)


def _share(found: tuple[Result, float] | None, system: System, row: str) -> Cell:
    if found is not None:
        return cell(percent(found[1]), found[0].case.impl, kind="number")
    ended = {one.status for one in system.results if one.tier == "ported" and named(one) == row}
    worst = next((status for status in ("wrong", "failed", "skipped") if status in ended and "done" not in ended), None)
    return cell(worst or "–", kind="warn" if worst in ("wrong", "failed") else "quiet")


def cases(family: str, systems: Sequence[System]) -> Table:
    """Return every case of a family that a system did, all systems beside each other, the best figure of merit first."""
    placed = [(number, system, result) for number, system in enumerate(systems) for result in system.results]
    mine = [(number, system, result) for number, system, result in placed if result.family == family and not result.profiler]
    did = {result.case for _, _, result in mine if result.status == "done"}
    kept = sorted((one for one in mine if one[2].case in did), key=_order)
    rows = tuple(_row(*one) for one in kept)
    note = "The best figure of merit of a case first. What was wrong or failed has no figure."
    return Table(f"family-{slug(family)}", f"Family {family}: every case", _COLUMNS, rows, note, by_case=True)


def _order(placed: Placed) -> tuple[object, ...]:
    _, _, result = placed
    return (result.case.problem, result.case.impl, result.status != "done", *rank(result))


def _row(number: int, system: System, result: Result) -> Row:
    who = cell(system.label, wording.place(result))
    if result.status != "done" or result.metric is None or result.figure is None:
        words = cell(f"{result.status}: {result.reason}", kind="quiet" if result.status == "skipped" else "warn")
        return Row((who, words), result.case, (number,), result.status, span=len(_COLUMNS) - 1)
    name, figure = result.metric.name, result.figure
    better = "" if result.metric.better == "lower" else "higher is better"
    shares = wording.share(system.fraction(result)) + _sheet(system.datasheet(result))
    named = "" if name == "wall_s" else wording.NAMES.get(name, name)
    cells = (
        who,
        cell(wording.amount(name, figure.value), named, better, kind="number"),
        cell(wording.spread(name, figure), *wording.basis(figure), kind="number"),
        cell(*wording.rates(result), *wording.saturation(result), kind="number"),
        cell(*shares),
        cell(*_others(result) or ["–"]),
        cell(*flags, kind="warn") if (flags := wording.flags(result)) else cell("none", kind="quiet"),
    )
    return Row(cells, result.case, (number,))


def _sheet(sheet: Fraction | None) -> list[str]:
    """Write the share of the data sheet; that there is none stands with the devices."""
    return [] if sheet is None or sheet.value is None else [f"{percent(sheet.value)} of {sheet.limit}"]


def _others(result: Result) -> list[str]:
    """Write every other metric with its interval, the variant and the tier."""
    words = [result.variant] if result.variant else []
    words += [result.tier] if result.tier != "ported" else []
    for name, found in result.intervals.items():
        if result.metric and name != result.metric.name:
            words.append(f"{wording.NAMES.get(name, name)} {wording.amount(name, found.value)} ({wording.spread(name, found)})")
    return words


def validity(systems: Sequence[System]) -> Table:
    """Return how each case was checked and how far every system was from the oracle."""
    checked: dict[str, list[Placed]] = {}
    for number, system in enumerate(systems):
        for result in system.results:
            if result.verdict is not None and result.status in ("done", "wrong"):
                checked.setdefault(result.case.id, []).append((number, system, result))
    rows = [_checked(case, placed) for case, placed in sorted(checked.items())]
    note = (
        "The error is the worst component over the rms of the wanted field, against plain NumPy in double precision; above its "
    )
    note += "tolerance a result is wrong and in no ranking."
    columns = ("Case", "Check", "Tolerance", "Worst error", "Every system", "Invariants")
    return Table("validity", "Errors against the oracle", columns, tuple(rows), note, "Nothing was checked.")


def _checked(case: str, placed: Sequence[Placed]) -> Row:
    verdicts = [(system.label, result.verdict) for _, system, result in placed if result.verdict is not None]
    by_error: dict[str, list[str]] = {}
    for label, verdict in verdicts:
        by_error.setdefault("–" if verdict.error is None else f"{verdict.error:.2g}", []).append(label)
    errors = [verdict.error for _, verdict in verdicts if verdict.error is not None]
    kinds = {"full": "in full", "spot": "in a sample", "invariants": "by invariants"}
    tolerances = dict.fromkeys(f"{verdict.tolerance:.2g}" for _, verdict in verdicts if verdict.tolerance is not None)
    wrong = any(result.status == "wrong" for _, _, result in placed)
    cells = (
        links([case]),
        cell(*dict.fromkeys(kinds[verdict.check] for _, verdict in verdicts)),
        cell(*(tolerances or ["–"]), kind="number"),
        cell(f"{max(errors):.2g}" if errors else "–", "wrong" if wrong else "", kind="warn" if wrong else "number"),
        cell(*_everywhere(by_error)),
        cell(*_invariants([result for _, _, result in placed])),
    )
    numbers = tuple(dict.fromkeys(number for number, _, _ in placed))
    return Row(cells, placed[0][2].case, numbers, "wrong" if wrong else "done")


def _everywhere(by_error: Mapping[str, Sequence[str]]) -> list[str]:
    """Write which systems have which error; where all have the same, how many they are."""
    named = {error: dict.fromkeys(labels) for error, labels in by_error.items()}
    (first, labels), *others = named.items()
    if not others and len(labels) > 1:
        return [f"{first} on all {len(labels)}"]
    return [f"{error}: {', '.join(labels)}" for error, labels in named.items()]


def _invariants(found: Sequence[Result]) -> list[str]:
    """Write each invariant at its worst, as a share of its bound."""
    worst: dict[str, tuple[float, float, float]] = {}
    for result in found:
        named: Mapping[str, tuple[float | None, float]] = result.verdict.invariants if result.verdict else {}
        for name, (value, bound) in named.items():
            size = float("inf") if value is None else abs(value) / bound if bound else 0.0
            if name not in worst or size > worst[name][0]:
                worst[name] = (size, float("nan") if value is None else value, bound)
    return [f"{name} {value:.3g}, bound {bound:.3g}" for name, (_, value, bound) in worst.items()] or ["none"]
