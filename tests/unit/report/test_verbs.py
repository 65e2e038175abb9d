"""`ngtbench compare`: tables of ratios, how many would differ by chance, and which records make which side."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ngtbench.cli import compare
from ngtbench.errors import BadInput, Incomparable
from ngtbench.model.record import Outcome, RunRecord
from tests.machines import machine
from tests.records import STEADY, case, done, measurement, run, written

ONLY = run(of=case(impl="[torch]"))
WRONG = run(Outcome("wrong", reason="off by 1"))


def faster(factor: float = 2.0, **more: Any) -> RunRecord:
    return run(done([x / factor for x in STEADY]), **more)


def tuned(record: RunRecord) -> RunRecord:
    return replace(record, provenance=replace(record.provenance, tier="optimised"))


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "a.jsonl", machine(), run(), ONLY).path


def other(tmp_path: Path, *records: RunRecord) -> Path:
    return written(tmp_path / "b.jsonl", machine(), *records).path


def jobs(folder: Path, speeds: Sequence[float]) -> Path:
    """Write a file per job, of three launches each."""
    folder.mkdir()
    for job, speed in enumerate(speeds):
        written(folder / f"{job}.jsonl", machine(), *(faster(speed * (1 + 0.001 * k), launch=k) for k in range(3)))
    return folder


def shown(capsys: pytest.CaptureFixture[str], *words: object, **options: Any) -> str:
    assert compare.command([str(word) for word in words], **options) == 0
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *words: object, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shown(capsys, *words, json=True, **options))
    return found


def test_ratios_and_reasons_are_printed(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, file, other(tmp_path, faster()))
    like, best = said.split("\nported, ")[1:]
    for words in (
        "2.000",
        "B faster",
        "not comparable, only A has it, on cpu:0: system/triad@1/M/[torch]/float64",
        "system: 2.000, geometric mean of 1 case",
        "1 told apart, over all comparisons of this table together (Holm, 5 %)",
        "of equal systems 0.1 of 1 intervals would exclude 1 by chance; 1 not comparable",
        "within one job: told apart only beyond a ratio of 1.112",
    ):
        assert words in like
    assert like.startswith("like for like")
    assert best.startswith("best implementation")
    assert "B: numpy, the only implementation" in best
    assert "above 1, B is better" in said
    assert "optimised" not in said
    assert like.count("within one launch") == 1


def test_a_folder_is_a_side_and_its_files_are_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = jobs(tmp_path / "a", (1.0, 1.01, 1.02)), jobs(tmp_path / "b", (1.03, 1.04, 1.06))
    said = shown(capsys, a, b)
    assert "between jobs, 3 and 3 jobs" in said
    assert "within one job" not in said
    assert "repeatability, (p95 - p5) / median of launches, median of cases: A 2.1 %" in said
    assert f"A a: {a / '0.jsonl'}, {a / '1.jsonl'}, {a / '2.jsonl'}\nB b: " in said
    assert "not distinguishable" not in said
    assert "not distinguishable" in shown(capsys, a, tmp_path / "b" / "0.jsonl")


def test_the_document_is_versioned_and_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = jobs(tmp_path / "a", (1.0, 1.01, 1.02)), jobs(tmp_path / "b", (1.1, 1.11, 1.12))
    found = document(capsys, a, f"HPC={b}", accept=["shared"])
    assert (found["schema"], found["accepted"], found["a"]["system"]) == ("ngtbench.compare/2", ["shared"], "a")
    assert [len(found["a"][name]) for name in ("files", "jobs")] == [3, 3]
    (pair,) = found["comparisons"]
    assert (pair["b"]["system"], pair["b"]["synthetic"]) == ("HPC", False)
    assert [(table["tier"], table["best"]) for table in pair["tables"]] == [("ported", False), ("ported", True)]
    table = pair["tables"][0]
    assert (table["intervals"], table["expected_by_chance"], table["distinct"]) == (1, 0.05, 1)
    (row,) = table["cases"]
    assert (row["basis"], row["distinct"], row["reason"]) == ("between jobs", True, None)
    assert row["low"] < row["ratio"] < row["high"]
    assert 0 < row["p"] < 0.01
    assert (row["a"]["jobs"], row["a"]["launches"]) == (3, 9)
    assert row["a"]["repeatability"] == pytest.approx(0.0210, abs=1e-4)
    assert table["means"]["overall"]["cases"] == 1


def test_the_optimised_have_tables_of_their_own(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = written(tmp_path / "c.jsonl", machine(), run(), tuned(run(of=case(impl="tuned")))).path
    (pair,) = document(capsys, mine, other(tmp_path, faster(), tuned(faster(8, of=case(impl="tuned")))))["comparisons"]
    found = {(table["tier"], table["best"]): [row["ratio"] for row in table["cases"]] for table in pair["tables"]}
    assert found == {
        ("ported", False): [pytest.approx(2.0)],
        ("ported", True): [pytest.approx(2.0)],
        ("optimised", False): [pytest.approx(8.0)],
        ("optimised", True): [pytest.approx(8.0)],
    }


def test_what_is_accepted_is_compared(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared = run(replace(done(), measurement=replace(measurement(), flags={"shared_device": 0.2})))
    b = other(tmp_path, shared)
    with pytest.raises(Incomparable):
        compare.command([str(file), str(b)])
    assert "shared device: A no against B others used 20 %" in capsys.readouterr().out
    assert "accepted: shared" in shown(capsys, file, b, accept=["shared"])
    with pytest.raises(BadInput, match="--accept clocks"):
        compare.command([str(file), str(b)], accept=["clocks"])


def test_equal_labels_are_one_side_and_equal_stems_are_two(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = jobs(tmp_path / "x", (1.0, 1.01, 1.02)), jobs(tmp_path / "y", (1.1, 1.11, 1.12))
    found = document(capsys, f"A={a / '0.jsonl'}", f"A={a / '1.jsonl'}", f"A={a / '2.jsonl'}", f"B={b}")
    assert (found["a"]["system"], len(found["a"]["jobs"]), len(found["comparisons"])) == ("A", 3, 1)
    monkeypatch.chdir(tmp_path)
    found = document(capsys, "x/0.jsonl", "y/0.jsonl", "y/0.jsonl")
    assert [found["a"]["system"], *(pair["b"]["system"] for pair in found["comparisons"])] == [
        "x/0.jsonl",
        "y/0.jsonl",
        "y/0.jsonl (2)",
    ]
    found = document(capsys, "y/0.jsonl", "0=x/0.jsonl")
    assert [found["a"]["system"], found["comparisons"][0]["b"]["system"]] == ["y/0.jsonl", "0"]
    found = document(capsys, "a.jsonl", "a=x/0.jsonl")
    assert [found["a"]["system"], found["comparisons"][0]["b"]["system"]] == ["a.jsonl", "a"]


def test_where_nothing_is_comparable_the_reasons_are_printed_and_it_is_an_error(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Incomparable, match="no case of"):
        compare.command([str(file), str(other(tmp_path, WRONG))])
    assert "B wrong: off by 1" in capsys.readouterr().out


def test_two_sides_are_needed(file: Path) -> None:
    with pytest.raises(BadInput, match="two sides"):
        compare.command([str(file)])


def test_synthetic_records_are_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def made_up(record: RunRecord) -> RunRecord:
        return replace(record, provenance=replace(record.provenance, synthetic=True))

    a, b = (written(tmp_path / f"{name}.jsonl", machine(), made_up(run())).path for name in "ab")
    assert "A a (SYNTHETIC, never measured): " in shown(capsys, a, b)
    assert document(capsys, a, b)["a"]["synthetic"] is True
