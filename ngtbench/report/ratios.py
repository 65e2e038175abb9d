"""The versioned JSON document of comparisons, every number that a reader of the tables could ask for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ngtbench.analysis.ratio import LEVEL
from ngtbench.analysis.statistics import repeatability
from ngtbench.model.case import Tier
from ngtbench.model.comparison import Comparison, Result, Score
from ngtbench.report.systems import System

SCHEMA = "ngtbench.compare/2"


@dataclass(frozen=True)
class Ratios:
    """One table of a pair of systems: one tier, like for like or the best implementations."""

    tier: Tier
    best: bool
    rows: tuple[Comparison, ...]
    mean: Score

    @property
    def intervals(self) -> int:
        """Return how many comparisons have an interval."""
        return sum(row.low is not None for row in self.rows)

    @property
    def by_chance(self) -> float:
        """Return how many of these intervals would exclude 1 if all were equal."""
        return LEVEL * self.intervals


def document(a: System, pairs: Sequence[tuple[System, Sequence[Ratios]]], accepted: Collection[str]) -> dict[str, Any]:
    """Return the tables of every other system with A."""
    return {
        "schema": SCHEMA,
        "ratio": "speed of B over speed of A: above 1, B is better",
        "accepted": sorted(accepted),
        "a": _side(a),
        "comparisons": [{"b": _side(other), "tables": list(map(_table, tables))} for other, tables in pairs],
    }


def _side(system: System) -> dict[str, Any]:
    files = [{"file": str(reading.path), "sha256": reading.sha256} for reading in system.readings]
    return {"system": system.label, "files": files, "jobs": list(system.jobs), "synthetic": system.synthetic}


def _table(table: Ratios) -> dict[str, Any]:
    mean = table.mean
    families = {family: {"mean": value, "cases": count} for family, (value, count) in mean.families.items()}
    overall = {"mean": mean.overall, "weights": mean.weights, "cases": mean.cases, "incomparable": mean.incomparable}
    return {
        "tier": table.tier,
        "best": table.best,
        "intervals": table.intervals,
        "expected_by_chance": table.by_chance,
        "distinct": mean.distinct,
        "cases": list(map(_row, table.rows)),
        "means": {"families": families, "overall": overall},
    }


def _row(one: Comparison) -> dict[str, Any]:
    return {
        "case": one.case.id,
        "a": _result(one.a),
        "b": _result(one.b),
        "ratio": one.ratio,
        "low": one.low,
        "high": one.high,
        "basis": one.basis if one.ratio is not None else None,
        "distinct": one.distinct,
        "p": one.p,
        "reason": one.reason,
        "notes": list(one.notes),
    }


def _result(result: Result | None) -> dict[str, Any] | None:
    if result is None:
        return None
    figure = result.figure
    return {
        "case": result.case.id,
        "device": result.resources.device,
        "threads": result.resources.threads,
        "status": result.status,
        "metric": result.metric.name if result.metric else None,
        "value": figure.value if figure else None,
        "low": figure.low if figure else None,
        "high": figure.high if figure else None,
        "jobs": len(result.jobs),
        "launches": result.launches,
        "samples": figure.samples if figure else None,
        "repeatability": repeatability(result.launch_medians),
        "lacks": list(figure.lacks) if figure else [],
    }
