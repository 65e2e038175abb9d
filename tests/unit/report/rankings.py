"""Rankings made by hand, and findings of made records, for tests of pages."""

from dataclasses import replace
from typing import Any

from ngtbench.model.comparison import Flip, Ranking, Standing, Weights
from ngtbench.report.findings import Findings, find
from ngtbench.report.systems import systems
from ngtbench.report.tables import Table
from tests.systems import CASES, Made, endings, readings

LQFT = Weights("LQFT", "lattice field theory", "the lattice group", {"lattice": 3.0})
ALPHA, BETA = Made("Alpha", {}, energy=True), Made("Beta", {"lattice": 1.5, "system": 0.8}, energy=True)
GAMMA = Made("Gamma", {}, jobs=1, change=endings)


def findings(*made: Made, reference: str | None = None, cases: Any = CASES, launches: int = 3) -> Findings:
    files, labels = readings(made, cases, launches)
    return find(systems(files, {}, labels), reference, [LQFT], frozenset())


def words(table: Table) -> str:
    return "\n".join(" | ".join(" ".join(one.lines) for one in row) for row in table.rows)


def standing(
    name: str, overall: float | None, first: float | None = None, basis: Any = "between jobs", told: bool | None = None
) -> Standing:
    low, high = (None, None) if overall is None else (0.9 * overall, 1.1 * overall)
    lacks = (("lattice/cg@1/M/float64", "no build"), ("ml/x@1/M/float64", "no build"), ("ml/y@1/M/float64", "wrong"))
    made = Standing(name, {"lattice": overall}, overall, low, high, basis, lacks if overall is None else (), first, first)
    if overall is None or told is None:
        return made
    return replace(made, behind=1.25 / overall, behind_low=1.2 / overall, behind_high=1.3 / overall, told=told)


def ranked(*standings: Standing, flips: tuple[Flip, ...] = (), **changes: Any) -> Findings:
    required = {"lattice": ("lattice/cg@1/M/float64",), "ml": ("ml/x@1/M/float64", "ml/y@1/M/float64")}
    made = Ranking("Alpha", LQFT, required, standings, flips, 10_000)
    return replace(findings(ALPHA, BETA), rankings=(replace(made, **changes),))
