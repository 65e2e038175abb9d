"""Tables of the ranking: places, scores of families, and what is missing."""

from collections.abc import Sequence

from ngtbench.model.comparison import Ranking, Standing
from ngtbench.report.answers import absent, behind, chance, measured, ranked, required, share, shares
from ngtbench.report.findings import Findings
from ngtbench.report.tables import Cell, Row, Table, cell, plain

_PER_LINE = 4  # problems, so that none is cut


def standings(ranking: Ranking, number: int) -> Table:
    """Return the places of all systems by one weighting."""
    rows = [_standing(place, standing, ranking) for place, standing in enumerate(ranking.standings, start=1)]
    columns = (
        "Place",
        "System",
        "Speed over the reference",
        "95 % interval",
        "The first over it",
        "Told from the first",
        "First, by the data",
        "First of weightings",
        "Lacks",
    )
    note = f"Weighted geometric mean of speeds over {ranking.reference}, of {required(ranking)}. {shares(ranking)}. "
    said = " ".join(dict.fromkeys((*absent(ranking), *ranking.notes)))
    note += "The first over it: how many times as fast, with the 95 % interval; told: at 5 % over all rivals together. "
    note += f"Of weightings: share of {ranking.weightings:,} random ones. {said}"
    kept = plain(rows) if ranking.required else ()
    return Table(f"ranking-{number}", f"Ranking for {ranking.weights.name}", columns, kept, note, f"Nobody is ranked. {said}")


def _standing(place: int, standing: Standing, ranking: Ranking) -> tuple[Cell, ...]:
    reference, supposed = standing.system == ranking.reference, not measured(ranked(ranking))
    bounds = None if standing.low is None or standing.high is None else f"{standing.low:.3f} to {standing.high:.3f}"
    if standing.overall is None:
        head = (cell("not ranked", kind="quiet"), cell(standing.system, kind="name"), *[cell("–", kind="quiet")] * 6)
    else:
        head = (
            cell(str(place), kind="number"),
            cell(standing.system, kind="name"),
            cell(f"{standing.overall:.3f}", kind="number"),
            cell("reference" if reference else bounds or "none", "" if reference else standing.basis, kind="number"),
            *_behind(place, standing),
            _chance(standing, supposed),
            cell("–" if standing.first_of_weightings is None else share(standing.first_of_weightings), kind="number"),
        )
    return (*head, cell(f"{len(standing.lacks)} problems", kind="warn") if standing.lacks else cell("nothing", kind="quiet"))


def _behind(place: int, standing: Standing) -> tuple[Cell, Cell]:
    if place == 1:
        return cell("it is first", kind="quiet"), cell("–", kind="quiet")
    told = cell("told", kind="number") if standing.told is True else cell("not told", kind="warn")
    return cell(*behind(standing), kind="number"), told


def _chance(standing: Standing, supposed: bool) -> Cell:
    if standing.first is None:
        return cell("–", kind="quiet")
    return cell(chance(standing.first), "by a supposed spread" if supposed else "", kind="number")


def families(findings: Findings) -> Table:
    """Return the scores of families, which no weights change."""
    known: dict[str, dict[str, float | None]] = {}
    asked: dict[str, tuple[str, ...]] = {}
    for ranking in findings.rankings:
        asked |= ranking.required
        for standing in ranking.standings:
            known.setdefault(standing.system, {}).update(standing.families)
    columns = ("Family", *(f"{system.label}" for system in findings.systems), "Required problems")
    rows = []
    for family, problems in asked.items():
        cells = [known.get(system.label, {}).get(family) for system in findings.systems]
        shown = [cell("–", kind="quiet") if score is None else cell(f"{score:.3f}", kind="number") for score in cells]
        rows.append(Row((cell(family, kind="name"), *shown, cell(str(len(problems)), kind="number"))))
    note = (
        f"Geometric means of speeds over {findings.reference.label} over all required problems of a family: those that it did, "
    )
    note += "right, with our own implementations. A dash: one is missing, so there is no score."
    return Table("scores", "Family scores", columns, tuple(rows), note, "No family is required.")


def missing(findings: Findings) -> Table:
    """Return what keeps systems out of rankings, equal reasons together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for standing in (standing for one in findings.rankings for standing in one.standings):
        for problem, reason in standing.lacks:
            known = groups.setdefault((standing.system, reason), [])
            if problem not in known:
                known.append(problem)
    rows = [(cell(system, kind="name"), cell(reason), cell(*_lines(problems))) for (system, reason), problems in groups.items()]
    note = "Required problems without a ratio to the reference's result, and why. A system that lacks one is not ranked."
    return Table("lacking", "What is missing", ("System", "Why", "Problems"), plain(rows), note, "Nothing.")


def problems(findings: Findings) -> Table:
    """Return the problems that a system must have done, of every family."""
    known: dict[str, tuple[str, ...]] = {}
    for one in findings.rankings:
        known |= one.required
    rows = [(cell(family, kind="name"), cell(*_lines(problems))) for family, problems in known.items()]
    note = f"What {findings.reference.label} did, right and as ported; whoever lacks one has no score in that family."
    return Table("required", "Required problems", ("Family", "Problems"), plain(rows), note, "None.")


def _lines(problems: Sequence[str]) -> list[str]:
    """Return several names to a line, few enough for none to be cut."""
    return [", ".join(problems[start : start + _PER_LINE]) for start in range(0, len(problems), _PER_LINE)]
