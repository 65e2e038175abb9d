"""`ngtbench compare` and `ngtbench report`: what they print, write and refuse."""

import json
from pathlib import Path

import pytest

from ngtbench.cli import compare, report
from ngtbench.errors import BadInput, Incomparable, RecordError
from ngtbench.model.record import Outcome, RunRecord
from tests.machines import machine
from tests.records import STEADY, case, done, run, written

FASTER = run(done([x / 2 for x in STEADY]))
ONLY = run(of=case(impl="[torch]"))
WRONG = run(Outcome("wrong", reason="off by 1"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "a.jsonl", machine(), run(), ONLY).path


def other(tmp_path: Path, one: RunRecord) -> Path:
    return written(tmp_path / "b.jsonl", machine(), one).path


def test_compare_prints_the_ratio_and_the_reasons(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.command([file, other(tmp_path, FASTER)]) == 0
    shown = capsys.readouterr().out
    assert "2.000" in shown
    assert "above 1, B is better" in shown
    assert "not comparable, only A has it, on cpu:0: system/triad@1/M/[torch]/float64" in shown
    assert "system: 2.000, geometric mean of 1 case" in shown
    assert "1 case, 1 with an interval that excludes 1; 1 not comparable" in shown


def test_compare_prints_a_versioned_document(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.command([file, other(tmp_path, FASTER)], json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "ngtbench.compare/1"
    first, second = document["comparisons"][0]["cases"]
    assert first["ratio"] == pytest.approx(2.0)
    assert first["low"] < 2 < first["high"]
    assert second["ratio"] is None
    assert second["reason"] == "only A has it, on cpu:0"
    assert document["comparisons"][0]["means"]["overall"]["cases"] == 1


def test_where_nothing_is_comparable_the_reasons_are_printed_and_it_is_an_error(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Incomparable, match="no case of"):
        compare.command([file, other(tmp_path, WRONG)])
    assert "B wrong: off by 1" in capsys.readouterr().out


def test_compare_needs_two_files(file: Path) -> None:
    with pytest.raises(BadInput, match="two record files"):
        compare.command([file])


def test_report_writes_a_page_and_prints_where(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "out"
    assert report.command([file], folder) == 0
    assert capsys.readouterr().out == f"{folder / 'index.html'}\n"
    assert "testhost" in (folder / "index.html").read_text()


def test_report_refuses_what_is_no_record_file(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{}\n")
    with pytest.raises(RecordError, match=r"x\.jsonl:1"):
        report.command([tmp_path / "x.jsonl"], tmp_path)
    assert not (tmp_path / "index.html").exists()
