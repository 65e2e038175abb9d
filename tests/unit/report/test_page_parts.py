"""Parts of the page: tables of pairs and results, charts."""

import json
import math
from dataclasses import replace
from typing import Any

from ngtbench.model.case import Case
from ngtbench.model.record import Outcome
from ngtbench.report import amdahl_table, costs, energy, figures, hardware, pairs, results
from ngtbench.report.chapters import Origin, chapters
from ngtbench.report.figures import Figure
from ngtbench.report.findings import find
from ngtbench.report.prices import Price
from ngtbench.report.systems import systems
from ngtbench.report.tables import Table
from tests.records import case
from tests.systems import CASES, Made, readings
from tests.unit.report.rankings import ALPHA, BETA, GAMMA, LQFT, findings, ranked, standing, words


def test_a_pair_says_what_is_told_apart_how_many_and_what_is_not_comparable() -> None:
    found = findings(ALPHA, BETA, GAMMA)
    beta, gamma = found.pairs
    table = pairs.comparison(found, beta, "ported", False)
    rows = {row.case.id: " | ".join(" ".join(one.lines) for one in row) for row in table.rows if row.case}
    assert "distinguishable B faster" in rows["lattice/wilson_dslash@1/S/numpy/float64"]
    assert "distinguishable A faster" in rows["system/gemm@1/M/numpy/float64"]
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
    assert row[3] == "wrong"
    others = results.best("lattice", found)
    assert [" ".join(one.lines) for row in others.rows if row.case and row.case.dtype == "float32" for one in row][3] == "failed"
    drawn = figures.relative("lattice", found)
    assert drawn is not None
    assert max(max(trace["x"]) for trace in drawn.data) == 1.0
    assert {trace["slot"] for trace in drawn.data} == {0, 1, 2}


def test_a_dash_stands_for_what_is_right_but_not_comparable() -> None:
    def change(of: Case, outcome: Outcome) -> Outcome:
        if of.impl == "torch" or outcome.measurement is None:
            return Outcome("failed", reason="signal 9")
        return replace(outcome, measurement=replace(outcome.measurement, flags={"not_converged": 0.5}))

    found = findings(ALPHA, BETA, Made("Delta", {}, change=change), cases=[*CASES, case("ml/jet_mlp", impl="torch")])
    (row,) = [[" ".join(one.lines) for one in row] for row in results.best("ml", found).rows]
    assert row[3] == "–"


def test_limits_say_which_cases_give_them() -> None:
    note = hardware.limits(findings(ALPHA, BETA).systems).note
    assert "system/gemm or system/fma, of the same device in all files of the system" in note


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


def test_parts_of_a_whole_stand_side_by_side_under_its_case() -> None:
    def on_a_device(of: Case, outcome: Outcome) -> Outcome:
        taken = outcome.measurement
        assert taken is not None
        share = 0.8 if of.impl == "numpy" else 1.2
        both = {**taken.series, "device_s": tuple(share * x for x in taken.series["wall_s"])}
        return replace(outcome, measurement=replace(taken, series=both))

    wholes = [case("ml/jet_mlp"), case("ml/jet_mlp", impl="numba"), case("system/gemm")]
    files, labels = readings([BETA, replace(ALPHA, change=on_a_device)], wholes)
    table = amdahl_table.table(systems(files, {}, labels))
    assert table.columns == ("Part", "Beta", "Alpha")
    (over, over_rows), (whole, rows) = table.groups
    assert whole is not None and over is not None
    assert (over.impl, whole.id) == ("numba", "ml/jet_mlp@1/M/numpy/float64")
    part, rest = [[one.lines for one in row] for row in rows]
    assert part[0] == ("work on the device", "cpu:0")
    assert (part[1], part[2][0]) == (("–",), "80 %")
    assert part[2][2].startswith("×5 (")
    assert (rest[0][0], rest[2][0]) == ("all but work on the device", "20 %")
    assert over_rows[0].cells[2].lines[0] == "120 %"
    assert "takes as long as the whole" in over_rows[0].cells[2].lines[2]


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
