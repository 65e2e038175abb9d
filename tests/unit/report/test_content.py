"""The page says what the records say, escapes all of it, and ranks nothing that is wrong."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench import shipped
from ngtbench.analysis.compare import compare
from ngtbench.discover import profiles
from ngtbench.errors import BadInput, Unavailable
from ngtbench.model.case import Selection
from ngtbench.model.machine import Match
from ngtbench.model.record import Energy, Outcome, PlanRecord
from ngtbench.report import figures, html, provenance, published, tables, weights
from ngtbench.report.systems import System, systems
from ngtbench.report.tables import Table
from ngtbench.store.read import Reading
from tests.machines import gpu, machine
from tests.records import STEADY, VERDICT, case, done, measurement, run, written

EQUAL = weights.load(shipped.folder("weights") / "equal.toml")
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


def page(*readings: Reading) -> str:
    return html.render(readings, {}, (), EQUAL)


def test_a_family_shows_merit_interval_rates_and_error(reading: Reading) -> None:
    (table,) = tables.families([system(reading)])
    first, second = text(table).splitlines()  # nothing but what is done
    assert first.startswith("system/triad@1/M/numba/float64")  # the faster one
    for words in ("500 µs", "44 samples within one launch", "4 GFLOP/s 48 GB/s 2 Gelement/s", "error 1e-17 tolerance 1e-15"):
        assert words in first
    assert "1 ms" in second
    assert "998 µs to 1.002 ms" in second
    assert second.split(" | ")[-2] == "power not measured"
    assert "no counter" in table.note


def test_power_is_shown_with_its_sensor(tmp_path: Path) -> None:
    taken = replace(measurement(), energy=Energy(50.0, 0.5, None, None, "NVML counter"))
    (table,) = tables.families([system(written(tmp_path / "a.jsonl", machine(), run(replace(done(), measurement=taken))))])
    assert "power 100 W mean, NVML counter" in text(table)


def test_what_did_not_end_well_has_its_reason_and_no_rank(reading: Reading) -> None:
    wrong, failed, skipped, watched, unrecorded = provenance.endings([system(reading)])
    assert "error 0.2 at a[3]" in text(wrong)
    assert "signal 9" in text(failed)
    assert "no GPU | buy one" in text(skipped)
    assert watched.rows == unrecorded.rows == ()
    found = system(reading)
    drawn = json.dumps([figures.shares("system", [found]), figures.spread(found)], default=vars)
    for name in ("torch", "cupy", "hip"):
        assert name not in text(tables.families([found])[0])
        assert name not in drawn


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
    assert "numba" not in text(tables.families([found])[0])
    assert "numba" not in json.dumps(figures.spread(found), default=vars)
    assert found.limits["cpu:0"].bandwidth is None or "numba" not in found.limits["cpu:0"].bandwidth.case


def test_deviations_and_what_was_not_read_are_on_the_page(tmp_path: Path) -> None:
    known = next(iter(profiles.load()))
    odd = replace(machine(), matches=(Match("cpu:0", known, ("power capped at 200 W",)),))
    shown = page(written(tmp_path / "a.jsonl", odd, run()))
    assert "power capped at 200 W" in shown
    assert "no NVIDIA driver" in shown


def test_two_files_are_compared_and_the_first_is_the_base(reading: Reading, tmp_path: Path) -> None:
    other = written(tmp_path / "b.jsonl", machine(), run(done([x / 4 for x in STEADY])))
    a, b = systems([reading, other], {}, ["a", "b"])
    shown = text(tables.comparison(a, b, compare(a.results, b.results), 1))
    assert "| 4.000 | 3.9" in shown
    assert "not comparable | – | only A has it" in shown
    assert 'data-table="score-1"' in page(reading, other)
    assert 'data-table="comparison-1"' not in page(reading)


def test_a_resumed_run_is_one_machine(reading: Reading) -> None:
    again = replace(machine(gpu()), taken_at="2026-11-02T00:00:00+00:00")
    digest = "f" * 16
    more = replace(run(of=case(impl="late")), machine=digest)
    resumed = replace(reading, machines=reading.machines | {digest: again}, runs=(*reading.runs, more))
    assert len(system(resumed).results) == 6


def test_everything_is_escaped(tmp_path: Path) -> None:
    of = case(f"{HOSTILE}/{HOSTILE}", HOSTILE, HOSTILE, HOSTILE)
    bad = Outcome("failed", reason=f"{HOSTILE}]]><!--", remedy="</script></style>")
    hostile = written(tmp_path / "a.jsonl", machine(hostname=HOSTILE), run(of=of), run(bad, of=replace(of, impl="b")))
    shown = page(hostile, hostile)
    own = re.findall(r"<script[^>]*>", re.sub(r"<script>/\*\*\n\* plotly.*?</script>", "<script></script>", shown, flags=re.S))
    assert set(own) == {"<script>", '<script type="application/json">'}
    assert own.count("<script>") == 2
    assert "alert(1)</script>" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    for source in re.findall(r'<script type="application/json">(.*?)</script>', shown, flags=re.S):
        assert "&lt;script&gt;" in json.dumps(json.loads(source))  # plotly reads tags: they reach it as text


def test_a_figure_cannot_leave_its_script_element() -> None:
    words = "</script><!-- & <b>"
    shown = html.embedded(figures.Figure("a", "b", "c", ({"name": words},), {}))
    assert not set(shown) & set("<>&")
    assert json.loads(shown)["data"][0]["name"] == words


def test_the_page_is_whole_and_names_its_files(reading: Reading) -> None:
    shown = page(reading)
    assert reading.sha256 in shown
    assert shown.startswith("<!doctype html>")
    loads = re.findall(r"<(?:script|img|iframe|link)[^>]+(?:src|href)=\"?([^\" >]+)", shown.partition("<script>")[0])
    assert loads == ["data:,"]
    assert "default-src 'none'" in shown


def test_nothing_measured_is_said(tmp_path: Path) -> None:
    shown = page(written(tmp_path / "a.jsonl", machine(), run(WRONG)))
    assert "No case was measured and proved right." in shown
    assert "system/triad not measured on cpu:0" in shown.replace("<wbr>", "")


def test_published_figures_stand_apart(reading: Reading, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[[figure]]\nhardware = "H"\nwhat = "triad"\nvalue = 3e12\nunit = "B/s"\nsource = "a paper"\n')
    shown = html.render([reading], {}, published.load(tmp_path), EQUAL)
    assert "3 TB/s" in shown
    assert "Published by others" in shown
    assert "a paper" not in text(tables.families([system(reading)])[0])


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


@pytest.mark.parametrize(
    ("content", "words"),
    [("name = 1", "holds name, use_case"), ('name="a"\nuse_case="b"\n[weights]\nml=-1', "weights.ml: must be a number from 0")],
)
def test_faulty_weights_are_named(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "w.toml").write_text(content)
    with pytest.raises(BadInput, match=re.escape(words)):
        weights.load(tmp_path / "w.toml")


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        html.write("x", tmp_path / "file")


def test_a_missing_package_is_named(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=re.escape("pip install 'ngtbench[report]'")):
        page(reading)
