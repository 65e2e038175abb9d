"""A baseline of pytest-benchmark: another machine's is refused, what is missing or failed never passes."""

import json
from pathlib import Path
from typing import Any

import pytest

from ngtbench.adapters.baseline import End, Timed, baseline, judge
from ngtbench.errors import Incomparable, RecordError

HERE = {"host": "a", "gpu": "none"}


def written(path: Path, **more: Any) -> Path:
    bench = {"fullname": "b.py::T[x]", "stats": {"median": 1e-3}, "extra_info": {"resources": "cpu:0, 2 threads"}}
    path.write_text(json.dumps({"machine_info": {"node": "a", "ngtbench": HERE}, "benchmarks": [bench]} | more))
    return path


def test_it_is_read(tmp_path: Path) -> None:
    assert baseline(written(tmp_path / "b.json"), HERE) == {"b.py::T[x]": Timed(1e-3, "cpu:0, 2 threads")}


@pytest.mark.parametrize("here", [{"host": "b", "gpu": "none"}, {"host": "a"}, HERE | {"more": "1"}])
def test_another_machines_is_refused(tmp_path: Path, here: dict[str, str]) -> None:
    with pytest.raises(Incomparable, match=r"b\.json: taken on another machine"):
        baseline(written(tmp_path / "b.json"), here)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"machine_info": {"node": "a"}}, "'ngtbench' is missing"),
        ({"benchmarks": [{"fullname": "x"}]}, "'stats' is missing"),
        ({"benchmarks": []}, "nothing to judge by"),
        ({"benchmarks": 3}, "not a file that pytest-benchmark wrote"),
        ({"benchmarks": [{"fullname": "x", "stats": {"median": 0}, "extra_info": {}}]}, "x: stats.median: 0 is no time"),
    ],
)
def test_what_is_no_baseline_is_said(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    with pytest.raises(RecordError, match=words):
        baseline(written(tmp_path / "b.json", **more), HERE)


def test_a_faulty_file_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    with pytest.raises(RecordError, match="cannot be read: No such file"):
        baseline(path, HERE)
    path.write_text('{\n"machine_info": }')
    with pytest.raises(RecordError, match=r"b\.json:2: not JSON"):
        baseline(path, HERE)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match=r"b\.json:1: not JSON"):
        baseline(path, HERE)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (None, "missing"),
        (End("failed", None), "failed in this run"),
        (End("failed", Timed(1e-4, "")), "failed in this run"),
        (End("skipped", None), "skipped in this run"),
        (End("passed", None), "not timed in this run"),
        (End("passed", Timed(1.11e-3, "")), "median 1.11 ms, baseline 1 ms: 11 % longer"),
        (End("passed", Timed(1e-3, "cpu:0, 1 threads")), "ran on cpu:0, 1 threads, the baseline on unknown"),
    ],
)
def test_each_fault_is_told(end: End | None, words: str) -> None:
    (line,) = judge({"x": Timed(1e-3, "")}, {"x": end} if end else {}, 0.1)
    assert line.startswith(f"x: {words}")


def test_what_is_as_fast_or_new_passes() -> None:
    ended = {"x": End("passed", Timed(1.09e-3, "")), "new": End("failed", None)}
    assert judge({"x": Timed(1e-3, "")}, ended, 0.1) == []
