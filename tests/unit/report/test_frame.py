"""A row per metric of each launch, with every column; what cannot be believed has no numbers."""

from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench.errors import BadInput, RecordError, Unavailable
from ngtbench.model.record import Energy, Outcome, RunRecord
from ngtbench.report import frame as frames
from ngtbench.report.frame import COLUMNS, Value
from tests.machines import cpu, machine
from tests.records import STEADY, case, done, measurement, run, written

pd = pytest.importorskip("pandas")


def rows(tmp_path: Path, *runs: RunRecord) -> list[dict[str, Value]]:
    path = written(tmp_path / "a.jsonl", machine(), *runs).path
    return frames.rows(frames.read_all([str(path)]))


def with_energy(one: RunRecord) -> RunRecord:
    taken = measurement(STEADY, cold_s=[0.25, 0.5, 0.25])
    taken = replace(taken, energy=Energy(12.0, 2.0, 40.0, 0.5, "RAPL"), flags={"drift": 0.0512}, calls=7)
    return replace(one, outcome=replace(one.outcome, measurement=taken, variant="openmp"))


def test_a_row_per_metric_with_all_columns(tmp_path: Path) -> None:
    found = rows(tmp_path, with_energy(run(launch=3)))
    assert [list(row) for row in found] == [list(COLUMNS)] * 2
    wall, cold = found
    assert (wall["metric"], wall["unit"], wall["figure_of_merit"], wall["better"]) == ("wall_s", "s", True, "lower")
    assert (cold["metric"], cold["figure_of_merit"], cold["median"], cold["samples"]) == ("cold_s", False, 0.25, 3)
    assert wall["median"] == pytest.approx(1e-3)
    assert (wall["samples"], wall["calls_per_sample"]) == (44, 7)
    assert (wall["launch"], wall["seed"], wall["threads"], wall["device"]) == (3, 4, 8, "cpu:0")
    assert (wall["case"], wall["family"], wall["size"]) == ("system/triad@1/M/numpy/float64", "system", "M")
    assert (wall["energy_j"], wall["energy_error_j"], wall["energy_window_s"], wall["idle_w"]) == (12.0, 0.5, 2.0, 40.0)
    assert (wall["work_flop"], wall["work_b"], wall["events"], wall["event"]) == (2e6, 24e6, 1e6, "element")
    assert (wall["check"], wall["error_over_rms"], wall["tolerance_over_rms"]) == ("full", 1e-17, 1e-15)
    assert (wall["flags"], wall["variant"], wall["tier"], wall["synthetic"]) == ("drift 0.0512", "openmp", "ported", False)
    assert (wall["host"], wall["system"]) == ("testhost", "Test CPU, 8 threads")
    assert str(wall["job"]).startswith("file ")


def test_every_value_has_the_type_of_its_column(tmp_path: Path) -> None:
    skipped = run(Outcome("skipped", reason="no"), case(impl="cupy"))
    for row in rows(tmp_path, with_energy(run()), skipped):
        for name, kind in COLUMNS.items():
            assert row[name] is None or type(row[name]) is kind, name


def test_what_is_not_done_has_a_row_with_its_reason_and_no_numbers(tmp_path: Path) -> None:
    ends = {"skipped": "no GPU", "wrong": "off by 1", "failed": "crashed"}
    runs = [
        replace(run(done(), case(impl=status)), outcome=replace(done(), status=status, reason=reason))  # type: ignore[arg-type]
        for status, reason in ends.items()
    ]
    found = rows(tmp_path, *runs)
    assert {row["status"]: row["reason"] for row in found} == ends
    assert [(row["metric"], row["median"], row["energy_window_s"], row["work_flop"]) for row in found] == [(None,) * 4] * 3


def test_a_record_that_cannot_be_believed_is_failed(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, run(done([-1e-3] * 10)))
    assert (row["status"], row["median"], row["metric"]) == ("failed", None, None)
    assert "not positive" in str(row["reason"])


def test_the_same_record_in_two_files_counts_once(tmp_path: Path) -> None:
    first = written(tmp_path / "a.jsonl", machine(), run()).path
    second = written(tmp_path / "b.jsonl", machine(), run(), run(launch=1)).path
    found = frames.rows(frames.read_all([str(first), str(second)]))
    assert [row["launch"] for row in found] == [0, 1]
    other = replace(run(), provenance=replace(run().provenance, started_at="2026-11-02T00:00:00+00:00"))
    third = written(tmp_path / "c.jsonl", machine(), other).path
    assert len(frames.rows(frames.read_all([str(first), str(third)]))) == 2


def test_hosts_are_told_apart(tmp_path: Path) -> None:
    paths = [str(written(tmp_path / f"{name}.jsonl", machine(hostname=name), run()).path) for name in ("one", "two")]
    found = frames.rows(frames.read_all(paths))
    assert [(row["host"], row["system"]) for row in found] == [("one", "Test CPU, 8 threads"), ("two", "Test CPU, 8 threads")]


def test_counts_beyond_any_column_are_missing(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, replace(run(), seed=2**63))
    assert row["seed"] is None
    (tmp_path / "a.jsonl").unlink()
    (row,) = rows(tmp_path, replace(run(), seed=2**63 - 1))
    assert row["seed"] == 2**63 - 1


def test_a_frame_has_typed_columns_and_missing_values(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    written(folder / "a.jsonl", machine(), run(), run(Outcome("skipped", reason="no"), case(impl="cupy")))
    found = frames.frame(folder)
    assert list(found.columns) == list(COLUMNS)
    kinds = {str: "string", int: "Int64", float: "float64", bool: "boolean"}
    assert {name: str(kind) for name, kind in found.dtypes.items()} == {name: kinds[kind] for name, kind in COLUMNS.items()}
    assert found.reason.isna().tolist() == [True, False]
    assert found[found.figure_of_merit]["median"].tolist() == [pytest.approx(1e-3)]
    assert frames.frame(str(folder / "a.jsonl"), f"mine={folder / 'a.jsonl'}").system.nunique() == 2


def test_a_frame_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="name a record file"):
        frames.frame()
    with pytest.raises(BadInput, match=r"none\.jsonl"):
        frames.frame(tmp_path / "none.jsonl")
    (tmp_path / "odd.jsonl").write_text("{}\n")
    with pytest.raises(RecordError, match=r"odd\.jsonl:1"):
        frames.frame(tmp_path / "odd.jsonl")


def test_synthetic_records_do_not_mix_with_measured_ones(tmp_path: Path) -> None:
    made = replace(run(), provenance=replace(run().provenance, synthetic=True))
    paths = [str(written(tmp_path / f"{n}.jsonl", machine(), one).path) for n, one in enumerate((run(), made))]
    assert [row["synthetic"] for row in frames.rows(frames.read_all(paths[1:]))] == [True]
    with pytest.raises(BadInput, match="synthetic"):
        frames.frame(*paths)


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"pandas is not installed .*ngtbench\[report\]"):
        frames.frame("any.jsonl")


def test_a_label_names_a_system(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", machine(processor=cpu(4)), run(threads=4)).path
    assert [row["system"] for row in frames.rows(frames.read_all([f"mine={path}"]))] == ["mine"]
