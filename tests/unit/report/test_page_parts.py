"""Parts of the page: sentences of the ranking, tables of pairs, charts."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from ngtbench.model.comparison import Flip, Ranking, Standing, Weights
from ngtbench.report import answers, costs, energy, figures, pairs, ranking, ranking_figures, results
from ngtbench.report.chapters import Origin, chapters
from ngtbench.report.figures import Figure
from ngtbench.report.findings import Findings, find
from ngtbench.report.prices import Price
from ngtbench.report.systems import systems
from ngtbench.report.tables import Table
from tests.records import case
from tests.systems import CASES, Made, endings, readings

LQFT = Weights("LQFT", "lattice field theory", "the lattice group", {"lattice": 3.0})
ALPHA, BETA = Made("Alpha", {}, energy=True), Made("Beta", {"lattice": 1.5, "system": 0.8}, energy=True)
GAMMA = Made("Gamma", {}, jobs=1, change=endings)


def findings(*made: Made, reference: str | None = None, cases: Any = CASES, launches: int = 3) -> Findings:
    files, labels = readings(made, cases, launches)
    return find(systems(files, {}, labels), reference, [LQFT], frozenset())


def words(table: Table) -> str:
    return "\n".join(" | ".join(" ".join(one.lines) for one in row) for row in table.rows)


def standing(name: str, overall: float | None, first: float | None = None, basis: Any = "between jobs") -> Standing:
    low, high = (None, None) if overall is None else (0.9 * overall, 1.1 * overall)
    lacks = (("lattice/cg@1/M/float64", "no build"), ("ml/x@1/M/float64", "no build"), ("ml/y@1/M/float64", "wrong"))
    return Standing(name, {"lattice": overall}, overall, low, high, basis, lacks if overall is None else (), first, first)


def ranked(*standings: Standing, flips: tuple[Flip, ...] = ()) -> Findings:
    required = {"lattice": ("lattice/cg@1/M/float64",), "ml": ("ml/x@1/M/float64", "ml/y@1/M/float64")}
    return replace(findings(ALPHA, BETA), rankings=(Ranking("Alpha", LQFT, required, standings, flips, 10_000),))


def answered(found: Findings, number: int = 0) -> dict[str, str]:
    return {question: " ".join(said) for question, said in answers.cards(found)[number].answers}


def test_the_summary_answers_who_how_sure_what_is_missing_and_what_would_flip_it() -> None:
    flips = (Flip("lattice", 0.25, 0.618, "Alpha"), Flip("ml", 0.25, 0.1, "Gamma"))
    found = ranked(standing("Beta", 1.25, 0.97), standing("Alpha", 1.0, 0.03), standing("Gamma", None), flips=flips)
    assert answers.cards(found)[0].heading == "LQFT: Beta is first"
    said = answered(found)
    assert "1.250 times the speed of the reference Alpha (95 % interval 1.125 to 1.375, between jobs)" in said["How sure"]
    assert "Very likely: by the data it is first with a probability of 97 %." in said["How sure"]
    assert "first in 97 % of 10,000 random weightings; Alpha in 3 %." in said["How sure"]
    assert said["The others"].startswith("Alpha: the reference, 1 by definition, 20 % behind the first; first with a probability")
    assert said["What is missing"] == (
        "Gamma is not ranked: it lacks 3 of 3 required problems: no build (2, such as lattice/cg@1/M/float64); "
        "1 other reason under “What is missing”."
    )
    assert said["What would flip it"] == (
        "If lattice weighed more than 62 % of all (now 25 %), Alpha would be first. "
        "If ml weighed less than 10 % of all (now 25 %), Gamma would be first."
    )
    assert "asked for by the lattice group. Weights: lattice 75 %, ml 25 %." in said["Who asks"]


def test_a_first_place_within_one_job_says_so() -> None:
    found = ranked(standing("Beta", 1.25, 0.6, "within one job"), standing("Alpha", 1.0, 0.4))
    assert "Only within one job" in answered(found)["How sure"]
    assert "More likely than not, not settled" in answered(found)["How sure"]
    assert "Only" not in answered(ranked(standing("Alpha", 1.0, 0.6), standing("Beta", 0.9, 0.4)))["How sure"]


def test_nobody_is_first_where_fewer_than_two_are_ranked() -> None:
    alone = ranked(standing("Alpha", 1.0), standing("Beta", None))
    assert answers.cards(alone)[0].heading == "LQFT: only Alpha can be ranked"
    assert "Not at all" in answered(alone)["How sure"]
    assert answers.cards(ranked(standing("Beta", None)))[0].heading == "LQFT: nobody can be ranked"
    assert ranking_figures.first(alone) is None


def test_a_lead_that_the_data_do_not_settle_is_no_first_place() -> None:
    found = ranked(standing("Beta", 1.05, 0.7), standing("Alpha", 1.0, 0.28), standing("Delta", 0.9, 0.02))
    assert answers.cards(found)[0].heading == "LQFT: Beta leads, but cannot be told from Alpha"


def test_a_use_case_of_which_the_reference_has_nothing_says_so() -> None:
    none = Ranking("Alpha", LQFT, {}, (standing("Alpha", None),), (), 10_000, ("Asked for, but Alpha has nothing of it: fpga.",))
    found = replace(findings(ALPHA, BETA), rankings=(none,))
    assert answers.cards(found)[0].heading == "LQFT: Alpha has nothing of it, so nobody can be ranked"
    assert answered(found)["To know"] == "Asked for, but Alpha has nothing of it: fpga."
    table = ranking.standings(none, 1)
    assert not table.rows
    assert "fpga" in table.empty


def test_what_several_weightings_lack_alike_is_said_once() -> None:
    found = ranked(standing("Beta", 1.25, 0.9), standing("Alpha", 1.0, 0.1), standing("Gamma", None))
    twice = replace(found, rankings=(*found.rankings, replace(found.rankings[0], weights=replace(LQFT, name="mix"))))
    assert answered(twice, 1)["What is missing"] == "As for LQFT, above."


@pytest.mark.parametrize(
    ("probability", "said"),
    [(1.0, "over 99.9 %"), (0.995, "99.5 %"), (0.93, "93 %"), (0.034, "3.4 %"), (0.005, "0.5 %"), (0.0, "under 0.1 %")],
)
def test_a_probability_is_never_quite_none_or_all(probability: float, said: str) -> None:
    assert answers.chance(probability) == said


def test_a_ranking_table_gives_places_only_to_the_ranked() -> None:
    found = ranked(standing("Beta", 1.25, 0.97), standing("Alpha", 1.0, 0.03), standing("Gamma", None))
    table = ranking.standings(found.rankings[0], 1)
    assert words(table).splitlines() == [
        "1 | Beta | 1.250 | 1.125 to 1.375 between jobs | 97 % | 97 % | nothing",
        "2 | Alpha | 1.000 | reference | 3 % | 3 % | nothing",
        "not ranked | Gamma | – | – | – | – | 3 problems",
    ]
    assert words(ranking.missing(found)).splitlines() == [
        "Gamma | no build | lattice/cg@1/M/float64, ml/x@1/M/float64",
        "Gamma | wrong | ml/y@1/M/float64",
    ]
    assert words(ranking.families(found)).splitlines()[0] == "lattice | 1.000 | 1.250 | 1"


def test_a_pair_says_what_is_told_apart_how_many_and_what_is_not_comparable() -> None:
    found = findings(ALPHA, BETA, GAMMA)
    beta, gamma = found.pairs
    table = pairs.comparison(found, beta, "ported", False)
    rows = {row.case.id: " | ".join(" ".join(one.lines) for one in row) for row in table.rows if row.case}
    assert "distinguishable Beta faster" in rows["lattice/wilson_dslash@1/S/numpy/float64"]
    assert "not distinguishable" in rows["ml/jet_mlp@1/M/numpy/float64"]
    assert "6 comparisons: 5 distinguishable, 1 not distinguishable, 0 not told" in table.note
    assert "0.3 of 6 would look different by chance" in table.note
    assert "between jobs" in table.note.partition("Of every row: ")[2]
    told = pairs.comparison(found, gamma, "ported", False)
    apart = words(told)
    assert "within one job" in told.note.partition("Of every row: ")[2]
    assert "not comparable: B wrong: 3 of 3 launches" in apart
    assert not pairs.comparison(found, beta, "optimised", False).rows


def test_another_reference_is_the_side_a() -> None:
    found = findings(ALPHA, BETA, reference="Beta")
    assert found.reference.label == "Beta"
    assert "A = Beta, B = Alpha" in pairs.comparison(found, found.pairs[0], "ported", True).title


def test_speeds_relative_to_the_fastest_leave_out_what_is_not_comparable() -> None:
    found = findings(ALPHA, BETA, GAMMA)
    table = results.best("ml", found)
    (row,) = [[" ".join(one.lines) for one in row] for row in table.rows]
    assert row[0] == "ml/jet_mlp@1/M/float64 on CPU"
    assert "100 % numpy" in row[1:3]
    assert row[3] == "–", "it was wrong there"
    drawn = figures.relative("lattice", found)
    assert drawn is not None
    assert max(max(trace["x"]) for trace in drawn.data) == 1.0
    assert {trace["slot"] for trace in drawn.data} == {0, 1, 2}


def test_charts_are_capped_and_say_by_what_rule() -> None:
    many = [case("lattice/wilson_dslash", size=f"S{n}") for n in range(40)]
    found = findings(ALPHA, BETA, cases=many, launches=1)
    for drawn in (
        figures.relative("lattice", found),
        figures.ratios(found.pairs[0], found, "x"),
        figures.energy(found.systems),
    ):
        assert drawn is not None
        assert len(set(drawn.data[0]["y"])) == figures.MOST
        assert f"Shown are the {figures.MOST} of 40" in drawn.words


def test_what_is_not_told_apart_is_drawn_open() -> None:
    found = findings(ALPHA, BETA)
    drawn = figures.ratios(found.pairs[0], found, "x")
    assert drawn is not None
    (trace,) = drawn.data
    assert {y.partition("/")[0]: is_open for y, is_open in zip(trace["y"], trace["open"], strict=True)} == {
        "lattice": False,
        "system": False,
        "ml": True,
    }


def test_energy_is_drawn_only_where_two_machines_have_a_sensor() -> None:
    assert figures.energy(findings(ALPHA, BETA).systems) is not None
    assert figures.energy(findings(ALPHA, GAMMA).systems) is None
    assert len(energy.measured(findings(ALPHA, GAMMA).systems).rows) == len(CASES)


def test_prices_stand_with_their_kind_and_an_example_says_so() -> None:
    found = ranked(standing("Beta", 1.5, 0.97), standing("Alpha", 1.0, 0.03))
    prices = [
        Price(name, value, "CHF", "2026-11-01", 8, "somebody", "example") for name, value in (("Alpha", 2.0), ("Beta", 4.0))
    ]
    table = costs.table(found.rankings[0], prices)
    assert "Beta | 0.750 | 4.00 CHF | example, asked of nobody" in words(table)
    assert "not ordered by them" in table.note


def test_every_part_of_a_page_of_made_up_records_says_synthetic() -> None:
    files, labels = readings([ALPHA, BETA], synthetic=True)
    found = find(systems(files, {}, labels), None, [LQFT], frozenset())
    parts = [part for one in chapters(found, [LQFT], (), Origin(files, "", (), ())) for part in one.parts]
    assert all(part.title.startswith("SYNTHETIC: ") for part in parts)
    drawn = [part for part in parts if isinstance(part, Figure)]
    assert len(drawn) >= 8
    assert all("SYNTHETIC" in json.dumps(figure.layout) for figure in drawn)


def test_ids_of_parts_are_unique_and_every_chart_has_its_table() -> None:
    found = findings(ALPHA, BETA, GAMMA)
    parts = [part for one in chapters(found, [LQFT], (), Origin((), "", (), ())) for part in one.parts]
    ids = [part.id for part in parts]
    assert len(ids) == len(set(ids))
    assert {part.table for part in parts if isinstance(part, Figure)} <= {part.id for part in parts if isinstance(part, Table)}
    for part in parts:
        for value in _numbers(part.data if isinstance(part, Figure) else ()):
            assert math.isfinite(value)


def _numbers(data: Any) -> list[float]:
    if isinstance(data, dict):
        return [number for value in data.values() for number in _numbers(value)]
    if isinstance(data, list | tuple):
        return [number for value in data for number in _numbers(value)]
    return [data] if isinstance(data, float) else []
