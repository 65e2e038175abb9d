"""The chapters of a page in their order, each of tables and charts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ngtbench.analysis.explain import explain
from ngtbench.model.comparison import Weights
from ngtbench.report import (
    amdahl_table,
    costs,
    energy,
    figures,
    filling,
    hardware,
    heat_map,
    in_flight,
    pairs,
    provenance,
    ranking,
    ranking_figures,
    results,
    rooflines,
    sharing,
    steady,
)
from ngtbench.report.figures import Figure
from ngtbench.report.findings import KINDS, Findings
from ngtbench.report.published import Figure as Published
from ngtbench.report.tables import Table, cell, plain
from ngtbench.store.read import Reading

Part = Table | Figure


@dataclass(frozen=True)
class Chapter:
    """A heading and what stands under it."""

    id: str
    heading: str
    parts: tuple[Part, ...]
    note: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a page comes from: files, command, what was replaced, and what others published."""

    readings: Sequence[Reading]
    command: str
    anonymised: Sequence[str]
    published: Sequence[Published]


def chapters(findings: Findings, weights: Sequence[Weights], prices: Sequence[Any], origin: Origin) -> list[Chapter]:
    """Return every chapter; on a page of synthetic records every table and chart says so."""
    systems = findings.systems
    made = [
        *_ranking(findings),
        Chapter("machines", "Machines", (hardware.machines(systems), hardware.devices(systems), hardware.missing(systems))),
        _families(findings),
        *_comparison(findings),
        Chapter("repeatability", "Repeatability", _known(figures.steadiness(systems), steady.table(systems))),
        _roofline(findings),
        *_sharing(findings),
        Chapter("energy", "Energy", _known(figures.energy(systems), energy.measured(systems), energy.missing(systems))),
        *([Chapter("prices", "Prices", (costs.table(findings.rankings[0], prices),))] if prices and findings.rankings else []),
        Chapter("validity", "Validity", (results.validity(systems),)),
        Chapter("not-ranked", "Wrong, failed, skipped", tuple(provenance.endings(systems))),
        Chapter("published-figures", "Published figures", (provenance.published(origin.published),)),
    ]
    closing = [Chapter("method", "Method", (_weights(weights),)), _provenance(findings, origin)]
    made = [*made, *closing]
    return [_synthetic(chapter) for chapter in made] if any(system.synthetic for system in systems) else made


def _known(*parts: Part | None) -> tuple[Part, ...]:
    return tuple(part for part in parts if part is not None)


def _ranking(findings: Findings) -> list[Chapter]:
    if not findings.rankings:
        return []
    tables = [ranking.standings(one, number) for number, one in enumerate(findings.rankings, start=1)]
    charts = (ranking_figures.scores(findings), ranking_figures.first(findings))
    closing = (ranking.families(findings), ranking.missing(findings), ranking.problems(findings))
    return [Chapter("ranking", "Ranking and sensitivity", _known(*charts, *tables, *closing))]


def _families(findings: Findings) -> Chapter:
    parts: list[Part] = []
    for family in results.families(findings.systems):
        drawn = figures.relative(family, findings)
        parts += [drawn, results.best(family, findings)] if drawn else []
        parts.append(results.cases(family, findings.systems))
    empty = Table("families", "Families", (), (), empty="No case was measured and proved right.")
    return Chapter("results", "Results by family", tuple(parts) or (empty,))


def _comparison(findings: Findings) -> list[Chapter]:
    parts: list[Part] = []
    for pair in findings.pairs:
        like = pairs.table_id(pair, "ported", False)
        parts += _known(figures.ratios(pair, findings, like))
        parts += [pairs.comparison(findings, pair, tier, best) for tier, best in KINDS if pair.tables[tier, best]]
    note = (
        "Ported: our implementations, unchanged. Optimised: tuned by a vendor, held to the same checks. The two are never mixed; "
    )
    note += "a table that is not here has no case on either side."
    return [Chapter("comparisons", "Comparison with the reference", tuple(parts), note)] if parts else []


def _roofline(findings: Findings) -> Chapter:
    systems = findings.systems
    drawn = [figure for number, system in enumerate(systems) for figure in rooflines.figures(number, system)]
    explained = [explain(system.results, system.limits, system.profiles) for system in systems]
    tables = (rooflines.helps(systems, explained), amdahl_table.table(systems))
    return Chapter("roofline", "Rooflines, and what would help", (hardware.limits(systems), *drawn, *tables))


def _sharing(findings: Findings) -> list[Chapter]:
    made = [part for of in (heat_map, sharing, filling, in_flight) for part in of.parts(findings.systems)]
    note = "All of it measured; the pages of ngtbench schedule are modelled."
    return [Chapter("sharing", "Scheduling and sharing", tuple(made), note)] if made else []


def _weights(weights: Sequence[Weights]) -> Table:
    rows = []
    for one in weights:
        named = [f"{family} {value:g}" for family, value in one.families.items()]
        rows.append(
            (
                cell(one.name, kind="name"),
                cell(one.use_case),
                cell(one.requester),
                cell(*named, f"any other family {one.other:g}"),
            )
        )
    return Table("weights", "Weights of the families", ("Name", "Use case", "Asked for by", "Weights"), plain(rows))


def _provenance(findings: Findings, origin: Origin) -> Chapter:
    tables = (
        provenance.files(origin.readings),
        provenance.runs(findings.systems),
        provenance.page(origin.command, origin.anonymised),
    )
    return Chapter("provenance", "Provenance", tables)


def _synthetic(chapter: Chapter) -> Chapter:
    parts = [
        figures.synthetic(part) if isinstance(part, Figure) else replace(part, title=f"SYNTHETIC: {part.title}")
        for part in chapter.parts
    ]
    return replace(chapter, parts=tuple(parts))
