"""The page says what the records say, escapes all of it, and ranks nothing that is wrong."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench.discover import profiles
from ngtbench.errors import BadInput, Unavailable
from ngtbench.model.case import Selection
from ngtbench.model.comparison import Weights
from ngtbench.model.machine import Match
from ngtbench.model.record import Energy, Outcome, PlanRecord
from ngtbench.report import energy, figures, html, provenance, published, results, steady
from ngtbench.report.html import Report
from ngtbench.report.systems import System, systems
from ngtbench.report.tables import Table
from ngtbench.store.read import Reading
from tests.machines import gpu, machine
from tests.records import STEADY, VERDICT, case, done, measurement, run, written

EQUAL = Weights("equal", "none", "nobody", {})
WRONG = Outcome("wrong", reason="error 0.2 at a[3]", verdict=replace(VERDICT, passed=False, error=0.2))
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    runs = (
        run(of=case(impl="numpy")),
        run(done([x / 2 for x in STEADY]), of=case(impl="numba")),
        run(WRONG, of=case(impl="torch")),
        run(Outcome("failed", reason="signal 9"), of=case(impl="cupy")),
        run(Outcome("skipped", reason="no GPU", remedy="buy one"), of=case(impl="hip"), device="gpu:0"),
    )
    return written(tmp_path / "a.jsonl", machine(gpu()), *runs)


def system(reading: Reading) -> System:
    (found,) = systems([reading], {})
    return found


def text(table: Table) -> str:
    return "\n".join(" | ".join(" ".join(cell.lines) for cell in row) for row in table.rows)


def page(*readings: Reading, **changes: object) -> str:
    report = Report(readings, [], {}, (), [EQUAL])
    return html.render(replace(report, **changes))  # type: ignore[arg-type]


def test_a_family_shows_merit_interval_rates_and_flags(reading: Reading) -> None:
    table = results.cases("system", [system(reading)])
    first, second = text(table).splitlines()  # nothing but what is done
    for words in ("500 µs", "44 samples within one launch", "4 GFLOP/s 48 GB/s 2 Gelement/s"):
        assert words in first
    assert "1 ms" in second
    assert "998 µs to 1.002 ms" in second
    assert [case.id for case, _ in table.groups if case] == [
        "system/triad@1/M/numba/float64",
        "system/triad@1/M/numpy/float64",
    ]


def test_a_case_that_another_system_did_says_how_it_ended_here(reading: Reading, tmp_path: Path) -> None:
    other = written(tmp_path / "b.jsonl", machine(), run(of=case(impl="torch")))
    table = results.cases("system", systems([reading, other], {}, ["a", "b"]))
    (rows,) = [rows for of, rows in table.groups if of and of.impl == "torch"]
    assert [(row.status, row.systems, row.cells[1].lines[0]) for row in rows] == [
        ("done", (1,), "1 ms"),
        ("wrong", (0,), "wrong: error 0.2 at a[3]"),
    ]


def test_errors_stand_beside_their_tolerance_for_every_system(reading: Reading) -> None:
    table = results.validity([system(reading)])
    right, wrong = (next(row for row in table.rows if row.case and row.case.impl == impl) for impl in ("numpy", "torch"))
    assert [" ".join(cell.lines) for cell in right][1:5] == ["in full", "1e-15", "1e-17", "1e-17: 1 × Test GPU"]
    assert wrong.status == "wrong"
    assert wrong.cells[3].lines == ("0.2", "wrong")


def test_power_is_shown_with_its_sensor_and_its_absence_with_the_reason(reading: Reading, tmp_path: Path) -> None:
    taken = replace(measurement(), energy=Energy(50.0, 0.5, None, None, "NVML counter"))
    found = system(written(tmp_path / "b.jsonl", machine(), run(replace(done(), measurement=taken))))
    table = energy.measured([found])
    assert "100 W" in text(table)
    assert "to the target" not in text(table)
    assert "above idle" not in text(table)
    cooled = replace(taken, energy=Energy(50.0, 0.5, 20.0, None, "NVML counter"))
    rested = energy.measured([system(written(tmp_path / "d.jsonl", machine(), run(replace(done(), measurement=cooled))))])
    assert "1.14 µJ per element 909 nJ of it above idle" in text(rested)
    series = {**taken.series, "energy_j": (8.0,) * 3, "to_target_s": (1.0,) * 3, "wall_s": (4.0,) * 3}
    trained = replace(done(), measurement=replace(taken, series=series))
    assert "2 J to the target" in text(energy.measured([system(written(tmp_path / "c.jsonl", machine(), run(trained)))]))
    assert "NVML counter" in table.note
    assert energy.missing([found]).rows == ()
    assert text(energy.missing([system(reading)])).endswith("2 of 2 | no counter")
    assert energy.measured([system(reading)]).rows == ()


def test_repeatability_is_as_hepscore_defines_it(tmp_path: Path) -> None:
    launches = [1.0, 1.01, 1.02, 1.03, 1.04]
    runs = [run(done([k * x for x in STEADY]), launch=n) for n, k in enumerate(launches)]
    table = steady.table([system(written(tmp_path / "a.jsonl", machine(), *runs))])
    assert "| 1 | 1 of 1 | 3.53 % |" in text(table)  # (1.038 - 1.002) / 1.02
    assert "0.68 %" in table.note
    few = steady.table([system(written(tmp_path / "b.jsonl", machine(), runs[0]))])
    assert "no case has three launches" in text(few)


def test_what_did_not_end_well_has_its_reason_and_no_rank(reading: Reading) -> None:
    found = system(reading)
    wrong, failed, skipped, watched, unrecorded = provenance.endings([found])
    assert "error 0.2 at a[3]" in text(wrong)
    assert "signal 9" in text(failed)
    assert "no GPU | buy one" in text(skipped)
    assert watched.rows == unrecorded.rows == ()
    assert [result.case.impl for _, result in steady.spreads(found)] == []
    for name in ("torch", "cupy", "hip"):
        assert name not in text(results.cases("system", [found]))


def test_planned_cases_without_a_record_are_named(reading: Reading) -> None:
    digest = next(iter(reading.machines))
    plan = PlanRecord(selection=Selection(), order_seed=1, keys=("lost case",), machine=digest)
    cut = replace(reading, plans=(plan,))
    assert "lost case" in text(provenance.endings([system(cut)])[4])


def test_what_a_profiler_watched_is_named_and_ranked_nowhere(tmp_path: Path) -> None:
    plain = run(of=case(impl="numpy"))
    watched = replace(run(of=case(impl="numba")), provenance=replace(plain.provenance, profiler="perf"))
    found = system(written(tmp_path / "a.jsonl", machine(), plain, watched))
    assert text(provenance.endings([found])[3]) == "Test CPU, 8 threads | system/triad@1/M/numba/float64 | perf"
    assert "numba" not in str([row.case for row in results.cases("system", [found]).rows])
    assert found.limits["cpu:0"].bandwidth is None or "numba" not in found.limits["cpu:0"].bandwidth.case


def test_deviations_and_what_was_not_read_are_on_the_page(tmp_path: Path) -> None:
    known = next(iter(profiles.load()))
    odd = replace(machine(), matches=(Match("cpu:0", known, ("power capped at 200 W",)),))
    shown = page(written(tmp_path / "a.jsonl", odd, run()))
    assert "power capped at 200 W" in shown
    assert "no NVIDIA driver" in shown


def test_a_resumed_run_is_one_machine(reading: Reading) -> None:
    again = replace(machine(gpu()), taken_at="2026-11-02T00:00:00+00:00")
    digest = "f" * 16
    more = replace(run(of=case(impl="late")), machine=digest)
    resumed = replace(reading, machines=reading.machines | {digest: again}, runs=(*reading.runs, more))
    assert len(system(resumed).results) == 6


def test_everything_is_escaped(tmp_path: Path) -> None:
    of = case(f"{HOSTILE}/{HOSTILE}", HOSTILE, HOSTILE, HOSTILE)
    bad = Outcome("failed", reason=f"{HOSTILE}]]><!--", remedy="</script></style>")
    runs = (*(run(of=of, launch=launch) for launch in range(3)), run(bad, of=replace(of, impl="b")))
    hostile = written(tmp_path / "a.jsonl", machine(hostname=HOSTILE), *runs)
    shown = page(hostile, replace(hostile, sha256="b" * 64), labels=[HOSTILE, f"{HOSTILE}2"])
    own = re.findall(r"<script[^>]*>", shown)
    assert set(own) == {
        "<script>",
        '<script type="application/json">',
        '<script type="application/json" id="words">',
        '<script type="text/plain" id="plotly">',
    }
    assert own.count("<script>") == 1
    assert "alert(1)</script>" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    sources = re.findall(r'<script type="application/json">(.*?)</script>', shown, flags=re.S)
    (words,) = re.findall(r'<script type="application/json" id="words">(.*?)</script>', shown, flags=re.S)
    assert sources
    told = [one for source in sources for trace in json.loads(source)["data"] for one in trace["told"].values()]
    assert {place for places in told for place in places} == set(range(len(json.loads(words))))
    assert any("&lt;script&gt;" in word for word in json.loads(words))  # plotly reads tags: they reach it as text
    assert not any("<" in word for word in json.loads(words))


def test_a_figure_cannot_leave_its_script_element() -> None:
    words = "</script><!-- & <b>"
    known: dict[str, int] = {}
    traces = ({"name": words, "y": [words, "b", words], "x": [1.0, 2.0, 3.0]}, {"y": ["b"], "x": [4.0]})
    shown = html.embedded(figures.Figure("a", "b", "c", traces, {}), known)
    assert not set(shown) & set("<>&")
    first, second = json.loads(shown)["data"]
    assert (first["name"], first["x"]) == (words, [1.0, 2.0, 3.0])
    assert (first["told"]["y"], second["told"]["y"], list(known)) == ([0, 1, 0], [1], [words, "b"])


def test_the_page_is_whole_names_its_files_and_how_to_make_it_again(reading: Reading) -> None:
    shown = page(reading, command="ngtbench report a.jsonl --html out", anonymised=["host node-1: host 1"])
    assert reading.sha256 in shown
    assert "ngtbench report a.jsonl --html out" in shown
    assert "host node-1: host 1" in shown
    assert shown.startswith("<!doctype html>")
    loads = re.findall(r"<(?:script|img|iframe|link)[^>]+(?:src|href)=\"?([^\" >]+)", shown)
    assert loads == ["data:,"]
    assert "default-src 'none'" in shown
    assert shown == page(reading, command="ngtbench report a.jsonl --html out", anonymised=["host node-1: host 1"])


def test_nothing_measured_is_said(tmp_path: Path) -> None:
    shown = page(written(tmp_path / "a.jsonl", machine(), run(WRONG)))
    assert "No case was measured and proved right." in shown
    assert "system/triad not measured on cpu:0" in shown.replace("<wbr>", "")
    assert 'id="plotly"' not in shown, "no chart, so no script to draw any"


def test_published_figures_stand_apart(reading: Reading, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[[figure]]\nhardware = "H"\nwhat = "triad"\nvalue = 3e12\nunit = "B/s"\nsource = "a paper"\n')
    shown = page(reading, published=published.load(tmp_path))
    assert "3 TB/s" in shown
    assert "Published by others" in shown
    assert "a paper" not in text(results.cases("system", [system(reading)]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("figure = 3", "holds [[figure]] tables"),
        ("[[figure", "not readable TOML"),
        ('[[figure]]\nhardware = "H"\n', "figure 1: needs hardware"),
        ('[[figure]]\nhardware="H"\nwhat="w"\nvalue="3"\nunit="B"\nsource="s"\n', "value: must be a number"),
        ('[[figure]]\nhardware="H"\nwhat="w"\nvalue=3\nunit="B"\nsource=" "\n', "source: must be a text"),
    ],
)
def test_a_faulty_published_file_is_named(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "x.toml").write_text(content)
    with pytest.raises(BadInput, match=re.escape(words)) as caught:
        published.load(tmp_path)
    assert "x.toml" in str(caught.value)


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        html.write("x", tmp_path / "file")


def test_an_unknown_reference_is_named(reading: Reading) -> None:
    with pytest.raises(BadInput, match="--reference 'x': no such system; there are '1 × Test GPU'"):
        page(reading, reference="x")


def test_a_missing_package_is_named(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=re.escape("pip install 'ngtbench[report]'")):
        page(reading)
