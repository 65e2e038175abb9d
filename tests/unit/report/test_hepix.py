"""The JSON that HEPiX tools get: the layout of their suite's results, every case, one host."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ngtbench.errors import BadInput
from ngtbench.model.record import Outcome, RunRecord
from ngtbench.report import bundle, exports, frame, hepix
from ngtbench.report.anonymise import anonymised
from ngtbench.report.html import Report
from ngtbench.report.systems import System
from ngtbench.store.read import read
from tests.machines import cpu, gpu, machine
from tests.records import STEADY, case, done, run, written

SKIPPED = run(Outcome("skipped", reason="no GPU"), case(impl="cupy"))


def found(tmp_path: Path, *runs: RunRecord, hostname: str = "testhost") -> tuple[System, ...]:
    path = tmp_path / f"{hostname}.jsonl"
    path.unlink(missing_ok=True)
    return frame.read_all([str(written(path, machine(gpu(), hostname=hostname), *(runs or (run(), SKIPPED))).path)])


def document(tmp_path: Path, *runs: RunRecord) -> dict[str, Any]:
    exports.write(found(tmp_path, *runs), tmp_path / "a.json")
    made: dict[str, Any] = json.loads((tmp_path / "a.json").read_text())
    return made


def test_the_json_has_the_layout_of_the_hepix_suite(tmp_path: Path) -> None:
    made = document(tmp_path)
    top = {"_id", "_timestamp", "_timestamp_end", "json_version", "host", "suite", "plugins", "profiles"}
    assert set(made) == top
    assert made["json_version"] == "v2.2"
    assert set(made["host"]) == {"hostname", "ip", "tags", "SW", "HW"}
    assert set(made["host"]["HW"]) == {"CPU", "GPU", "BIOS", "SYSTEM", "MEMORY", "STORAGE"}
    assert set(made["suite"]) == {"version", "flags", "benchmark_version"}
    assert (made["_timestamp"], made["_timestamp_end"]) == ("2026-11-01T00:00:00Z", "2026-11-01T00:00:01Z")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made["_id"])
    processor = made["host"]["HW"]["CPU"]
    assert (processor["CPU_Model"], processor["CPU_num"], processor["L3_cache"]) == ("Test CPU", 8, "32768K")
    assert (processor["CPU_MHz"], processor["L2_cache"], processor["Power_Policy"]) == (-1.0, "not_available", "not_available")
    assert (processor["Threads_per_core"], processor["Cores_per_socket"], processor["Sockets"]) == (1, 8, 1)
    assert made["host"]["HW"]["MEMORY"]["Mem_Total"] == 2**26
    assert made["host"]["HW"]["GPU"]["cuda:0"]["Model"] == "Test GPU"
    assert made == document(tmp_path), "the same records give the same document"


def test_the_profile_holds_every_case(tmp_path: Path) -> None:
    profile = document(tmp_path)["profiles"]["ngtbench"]
    assert profile["status"] == "success"
    assert "score" not in profile
    done_one, skipped = profile["benchmarks"].values()
    assert next(iter(profile["benchmarks"])) == "system/triad@1/M/numpy/float64 on cpu:0 × 8 bound"
    assert (done_one["metric"], done_one["unit"], done_one["better"]) == ("wall_s", "s", "lower")
    assert done_one["low"] < done_one["value"] < done_one["high"]
    assert done_one["wl-scores"] == {"element per second": pytest.approx(1e9)}
    assert (skipped["status"], skipped["reason"]) == ("skipped", SKIPPED.outcome.reason)
    assert "value" not in skipped
    wrong = document(tmp_path, run(Outcome("wrong", reason="off")))["profiles"]["ngtbench"]
    assert wrong["status"] == "failed"
    watched = replace(run(), launch=1, provenance=replace(run().provenance, profiler="perf"))
    names = list(document(tmp_path, run(), watched)["profiles"]["ngtbench"]["benchmarks"])
    assert [name.endswith(", watched by perf") for name in names] == [False, True]


def test_cores_are_counted_per_socket(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", machine(processor=replace(cpu(smt=True), sockets=2)), run()).path
    processor = hepix.document(frame.read_all([str(path)])[0])["host"]["HW"]["CPU"]
    assert (processor["Threads_per_core"], processor["Cores_per_socket"], processor["Sockets"]) == (2, 2, 2)


def test_times_are_the_first_start_and_the_last_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")  # a time without a zone is UTC wherever it is read
    time.tzset()
    starts = ("2026-11-01T12:00:00+02:00", "2026-11-01T09:00:00", "yesterday", "9999-12-31T23:59:59.999999+00:00")
    runs = [
        replace(run(launch=number), provenance=replace(run().provenance, started_at=start, wall_s=7200.0))
        for number, start in enumerate(starts)
    ]
    made = document(tmp_path, *runs)
    assert (made["_timestamp"], made["_timestamp_end"]) == ("2026-11-01T09:00:00Z", "2026-11-01T12:00:00Z")
    monkeypatch.undo()
    time.tzset()
    with pytest.raises(BadInput, match="no record says when"):
        document(tmp_path, runs[2])


def both(tmp_path: Path) -> list[str]:
    """Return two files of one system, each of another host."""
    runs = {"one": (run(), SKIPPED), "../Two": (run(done([x / 2 for x in STEADY]), launch=1),)}
    return [
        str(written(tmp_path / f"{number}.jsonl", machine(gpu(), hostname=name), *made).path)
        for number, (name, made) in enumerate(runs.items())
    ]


def test_there_is_a_document_for_each_host(tmp_path: Path) -> None:
    places = exports.write(frame.read_all(both(tmp_path)), tmp_path / "out" / "a.json")
    assert places == sorted(tmp_path.rglob("*.json"))
    assert [place.name for place in places] == ["a-1-Test-GPU-Two.json", "a-1-Test-GPU-one.json"]
    two, one = (json.loads(place.read_text()) for place in places)
    assert [made["host"]["hostname"] for made in (one, two)] == ["one", "../Two"]
    assert [made["host"]["tags"]["system"] for made in (one, two)] == ["1 × Test GPU"] * 2
    assert [list(made["profiles"]["ngtbench"]["settings"]["files"]) for made in (one, two)] == [["0.jsonl"], ["1.jsonl"]]
    values = [[case["value"] for case in benchmarks(made).values() if "value" in case] for made in (one, two)]
    assert values[1] == [pytest.approx(values[0][0] / 2)], "of that host's launches alone"
    assert [len(benchmarks(made)) for made in (one, two)] == [2, 1]


def benchmarks(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["profiles"]["ngtbench"]["benchmarks"]
    return found


def test_documents_of_one_file_and_of_like_names_are_told_apart(tmp_path: Path) -> None:
    files = both(tmp_path)
    merged = tmp_path / "merged.jsonl"
    merged.write_text("".join(Path(file).read_text() for file in files))
    places = exports.write(frame.read_all([f"{label}={merged}" for label in ("a b", "A-b")]), tmp_path / "a.json")
    assert [place.name for place in places] == ["a-a-b-Two.json", "a-a-b-one.json", "a-A-b-Two-2.json", "a-A-b-one-2.json"]
    assert len({json.loads(place.read_text())["_id"] for place in places}) == 4


def test_either_all_documents_are_written_or_none(tmp_path: Path) -> None:
    files = both(tmp_path)
    (tmp_path / "out" / "a-1-Test-GPU-one.json").mkdir(parents=True)
    with pytest.raises(BadInput, match=r"a-1-Test-GPU-one\.json: cannot be written"):
        exports.write(frame.read_all(files), tmp_path / "out" / "a.json")
    assert [place.name for place in (tmp_path / "out").iterdir()] == ["a-1-Test-GPU-one.json"]
    undated = replace(run(), provenance=replace(run().provenance, started_at="yesterday"))
    late = written(tmp_path / "2.jsonl", machine(gpu(), hostname="three"), undated).path
    with pytest.raises(BadInput, match="1 × Test GPU on host three: no record says when"):
        exports.write(frame.read_all([*files, str(late)]), tmp_path / "new" / "a.json")
    assert not (tmp_path / "new").exists()


def test_names_of_documents_of_anonymised_records_have_stand_ins(tmp_path: Path) -> None:
    given = [read(Path(file)) for file in both(tmp_path)]
    for number, reading in enumerate(anonymised(Report(given, [None, None], {}, (), ())).readings):
        (tmp_path / f"hidden-{number}.jsonl").write_bytes(b"".join(bundle.lines(reading)))
    places = exports.write(frame.read_all([str(one) for one in tmp_path.glob("hidden-*")]), tmp_path / "a.json")
    assert len(places) == 2
    for place in places:
        assert not [word for word in ("one", "Two", "Test") if word in place.name or f'"{word}' in place.read_text()]
