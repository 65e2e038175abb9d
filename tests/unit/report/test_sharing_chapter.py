"""What a page shows of sharing a device, filling a node, and events in flight."""

import json
import math
from dataclasses import replace

import pytest

from ngtbench.model.comparison import Weights
from ngtbench.model.record import RunRecord
from ngtbench.report import heat_map, html, in_flight, sharing
from ngtbench.report.anonymise import anonymised
from ngtbench.report.chapters import Chapter, Origin, chapters
from ngtbench.report.findings import find
from ngtbench.report.frame import rows
from ngtbench.report.html import Report
from ngtbench.report.systems import System, systems
from tests.unit.report.rankings import ALPHA, BETA, findings, words
from tests.unit.report.shared import beside, cells, clients, every, figures, flown, made, of, tables, trials

EQUAL = Weights("equal", "none", "nobody", {})


def chapter(found: tuple[System, ...]) -> Chapter | None:
    known = chapters(find(found, None, [EQUAL], frozenset()), [EQUAL], (), Origin((), "", (), ()))
    return next((one for one in known if one.id == "sharing"), None)


def test_there_is_no_chapter_without_such_records() -> None:
    found = findings(ALPHA, BETA)
    assert "sharing" not in [one.id for one in chapters(found, [EQUAL], (), Origin((), "", (), ()))]


def test_the_chapter_holds_all_pictures_each_with_its_table() -> None:
    found = chapter(made(*every()))
    assert found is not None
    drawn, told = figures(found.parts), {one.id: one for one in tables(found.parts)}
    kinds = (
        "map",
        "clients-throughput",
        "clients-latency",
        "clients-fairness",
        "filling-events",
        "filling-gain",
        "filling-memory",
    )
    assert [sum(one.id.startswith(kind) for one in drawn) for kind in (*kinds, "in-flight")] == [2, 1, 1, 1, 1, 1, 1, 1]
    assert len({part.id for part in found.parts}) == len(found.parts)
    assert {one.table for one in drawn} == set(told)
    assert all(one.title.startswith("SYNTHETIC") and "measured" in one.title for one in drawn)
    assert "modelled" in found.note
    json.dumps([[one.data, one.layout] for one in drawn], allow_nan=False)


def test_a_row_of_the_map_suffers_beside_its_columns() -> None:
    parts = heat_map.parts(made(beside("triad", "dslash"), beside("dslash", "dslash")))
    (drawn,), (table,) = figures(parts), tables(parts)
    cloud, *written = drawn.data
    assert cloud["x"] == cloud["y"] == ["dslash", "triad"]
    assert cloud["z"] == [[1.592, 1.89], [1.592, None]]  # a row for dslash: beside its like, beside triad
    assert [cloud["zmin"], cloud["zmax"]] == [1.0, 2.0]
    texts = {(y, x): words for one in written for x, y, words in zip(one["x"], one["y"], one["text"], strict=True)}
    assert texts["dslash", "triad"] == "1.89"
    assert texts["triad", "triad"] == "not<br>measured"
    assert "dslash beside triad<br>slowdown 1.89; 95 %: 1.82 to 1.96; 12 samples" in cloud["hovertext"][0][1]
    assert "latency p99 over alone 3.78; 95 %" in cloud["hovertext"][0][1]
    known = cells(table)
    assert known["dslash", "triad"] == [
        "1.89 95 %: 1.82 to 1.96 12 samples: 1.80 to 1.99",
        "3.78 95 %: 3.65 to 3.91 12 samples: 3.61 to 3.99",
        "processes: time slicing",
    ]
    assert known["triad", "dslash"][0].startswith("1.59")
    assert known["triad", "triad"] == ["not measured", "not measured", "–"]


def test_two_of_the_same_have_two_readings_and_a_failed_pair_says_so() -> None:
    alike = beside("infer", "infer")
    taken = alike.outcome.measurement
    assert taken is not None
    other = {**taken.series, "second_slowdown_ratio": (1.5,) * 12}
    alike = replace(alike, outcome=replace(alike.outcome, measurement=replace(taken, series=other)))
    failed = next(run for run in every() if run.outcome.status == "failed")
    lost = replace(failed, case=replace(failed.case, impl="threads"))
    parts = heat_map.parts(made(alike, beside("infer", "infer", "streams"), failed, lost))
    assert [one.title.rpartition(", ")[2] for one in figures(parts)] == ["processes", "streams"]  # not what has no reading
    assert [head for head in tables(parts)[0].columns if "slowdown" in head] == [
        "processes: slowdown",
        "streams: slowdown",
        "threads: slowdown",
    ]
    known = cells(tables(parts)[0])
    assert known["infer", "infer"][0].startswith("1.19")
    assert "another reading: 1.50 95 %: 1.50 to 1.50" in known["infer", "infer"][0]
    assert known["infer", "triad"][:4] == ["not measured", "not measured", "not measured failed", "not measured failed"]


def test_the_scale_of_a_map_reaches_its_worst_cell_and_every_number_can_be_read() -> None:
    slow = beside("triad", "dslash")
    taken = slow.outcome.measurement
    assert taken is not None
    series = {**taken.series, "first_slowdown_ratio": (5.0,) * 12}
    parts = heat_map.parts(made(replace(slow, outcome=replace(slow.outcome, measurement=replace(taken, series=series)))))
    cloud, *written = figures(parts)[0].data
    assert cloud["zmax"] == 5.0
    inks = {words: one.get("textfont") for one in written for words in one["text"]}
    assert inks == {"5.00": {"color": "#ffffff"}, "1.89": {"color": "#000000"}, "not<br>measured": None}
    for share in (k / 50 for k in range(51)):
        assert _contrast(heat_map._rgb(share), heat_map._ink(share)) >= 4.5


def _contrast(ground: str, ink: str) -> float:
    parts = [int(part) / 255 for part in ground[4:-1].split(",")]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (light + 0.05) / 0.05 if ink == "#000000" else 1.05 / (light + 0.05)


def test_clients_are_lines_of_rising_k_with_what_they_are_held_to() -> None:
    runs = [clients("triad", 8), clients("triad", 2), clients("triad", 2, "streams"), clients("infer", 4)]
    parts = sharing.parts(made(*runs))
    throughput, _, fairness = figures(parts)
    lines = {trace["name"]: trace for trace in throughput.data}
    assert set(lines) == {"triad, processes", "triad, streams", "infer, processes"}
    assert lines["triad, processes"]["x"] == [2, 8]
    assert lines["triad, processes"]["slot"] == lines["triad, streams"]["slot"] != lines["infer, processes"]["slot"]
    assert ("open" in lines["triad, streams"], "open" in lines["triad, processes"]) == (True, False)
    assert throughput.layout["xaxis"]["tickvals"] == [2, 4, 8]
    assert fairness.data[0]["y"] == [pytest.approx(0.88 * 0.995, rel=1e-3)]
    assert fairness.layout["yaxis"]["rangemode"] == "tozero"
    rest = cells(tables(parts)[0])["triad", "8"]
    assert (rest[0], rest[-1]) == ("processes", "time slicing")
    assert rest[3].startswith("12.1 95 %: ")


def test_clients_are_held_to_what_sharing_at_its_best_gives_on_their_device() -> None:
    def bounds(*runs: RunRecord) -> list[list[tuple[object, ...]]]:
        drawn = figures(sharing.parts(made(*runs)))[:2]
        return [[(*(one[end] for end in ("x0", "x1", "y0", "y1")), one["name"]) for one in f.layout["shapes"]] for f in drawn]

    def keys(*runs: RunRecord) -> list[bool]:
        return [one["showlegend"] for one in figures(sharing.parts(made(*runs)))[0].layout["shapes"]]

    runs = [clients("triad", 2), clients("triad", 4), clients("triad", 8)]
    rates, waits = bounds(*[replace(run, resources=replace(run.resources, threads=4)) for run in runs])
    perfect = "perfect sharing: K, T = 4 at most"
    assert rates == [(0, 1, 1, 1, "no more than one alone: 1"), (2, 4, 2, 4, perfect), (4, 8, 4, 4, perfect)]
    assert waits == [(0, 1, 1, 1, "undisturbed: 1")]
    assert keys(*[replace(run, resources=replace(run.resources, threads=4)) for run in runs]) == [True, True, False]
    assert bounds(*runs)[0][1:] == [(2, 8, 2, 8, "perfect sharing: K, T = 8 at most")]
    assert bounds(*[replace(run, resources=replace(run.resources, threads=1)) for run in runs])[0][1:] == [
        (2, 8, 1, 1, "perfect sharing: K, T = 1 at most")
    ]
    rates, waits = bounds(*[replace(run, resources=replace(run.resources, device="gpu:0")) for run in runs])
    assert rates == [(0, 1, 1, 1, "perfect sharing of a device that one fills: 1"), (2, 8, 2, 8, "as if each were alone: K")]
    assert waits == [(0, 1, 1, 1, "undisturbed: 1"), (2, 8, 2, 8, "turns of a call: K")]


def test_bars_are_the_interval_or_the_spread_where_there_is_none() -> None:
    drawn = figures(sharing.parts(made(clients("triad", 2))))[0].data[0]
    y, above = drawn["y"][0], drawn["error_y"]["array"][0]
    assert 0 < above < y * (1.05 / 0.995 - 1) * 0.99
    few = sharing.parts(made(clients("triad", 2, rounds=3)))
    drawn = figures(few)[0].data[0]
    y, bar = drawn["y"][0], drawn["error_y"]
    ends = [y + bar["array"][0], y - bar["arrayminus"][0]]
    assert ends == [pytest.approx(y / 0.98 * share, rel=1e-3) for share in (1.02, 0.95)]
    assert "no 95 % interval" in drawn["hovertext"][0]
    assert "3 samples" in words(tables(few)[0])


def test_sizes_that_name_no_program_and_what_a_profiler_watched_are_in_no_picture() -> None:
    odd = replace(clients("triad", 2), case=replace(clients("triad", 2).case, size="S~1"))
    unknown = replace(odd, case=replace(odd.case, size="M-other-k2"))
    watched = replace(clients("triad", 2), provenance=replace(clients("triad", 2).provenance, profiler="perf"))
    assert sharing.parts(made(odd, unknown, watched)) == []
    slow = replace(watched, outcome=trials({"event_s": 1.0, "throughput_ratio": 99.0}))
    alone, beside_it = (tables(sharing.parts(made(*runs)))[0] for runs in ([clients("triad", 2)], [clients("triad", 2), slow]))
    assert words(alone) == words(beside_it)
    pair = beside("triad", "train")
    assert heat_map.parts(made(replace(pair, provenance=watched.provenance))) == []
    assert heat_map.parts(made(replace(odd, case=replace(odd.case, workload="sharing/interference")))) == []


def test_names_from_records_are_escaped_where_plotly_reads_markup() -> None:
    parts = figures(sharing.parts(made(clients("triad", 2, "<b>x</b>")))) + figures(
        heat_map.parts(made(beside("triad", "train", "<i>")))
    )
    assert all("<b>" not in json.dumps(one.data) and "<i>" not in json.dumps(one.data) for one in parts)


def test_exports_hold_the_numbers_of_the_pictures() -> None:
    found = made(*every())
    known = {(row["case"], row["metric"]): row["median"] for row in rows(found)}
    (throughput, *_) = figures(sharing.parts(found))
    trace = next(one for one in throughput.data if one["name"] == "triad, streams")
    for k, y in zip(trace["x"], trace["y"], strict=True):
        median = known[f"sharing/clients@1/M-triad-k{k}/streams/float32", "throughput_ratio"]
        assert isinstance(median, float)
        assert math.isclose(y, median, rel_tol=1e-3)
    assert ("sharing/interference@1/S-triad-dslash/processes/float32", "second_latency_p99_ratio") in known


def test_an_anonymised_page_draws_the_same() -> None:
    runs = [flown("S", 0.8), flown("S-slot1", 0.9)]
    plain = Report([of(runs)], ["Alpha"], {}, (), [EQUAL])
    hidden = anonymised(plain)
    (before,), (after,) = ((figures(in_flight.parts(systems(one.readings, {}, one.labels)))) for one in (plain, hidden))
    assert before.data[0]["y"] == after.data[0]["y"]
    page = html.render(hidden)
    assert 'id="sharing"' in page
    assert "Alpha" not in page
    html.render(anonymised(Report([of(every())], ["Alpha"], {}, (), [EQUAL])))


def test_a_metric_that_is_missing_is_a_dash_and_draws_nothing() -> None:
    bare = replace(clients("triad", 2), outcome=trials({"event_s": 1e-3, "throughput_ratio": 1.1}))
    parts = sharing.parts(made(bare))
    assert [one.id.split("-")[1] for one in figures(parts)] == ["throughput"]
    assert cells(tables(parts)[0])["triad", "2"][3] == "–"
