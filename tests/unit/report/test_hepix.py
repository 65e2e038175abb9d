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
from ngtbench.report import exports, frame, hepix
from ngtbench.report.systems import System
from tests.machines import cpu, gpu, machine
from tests.records import case, run, written

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
    processor = hepix.document(frame.read_all([str(path)]))["host"]["HW"]["CPU"]
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


def test_a_hepix_document_is_of_one_host(tmp_path: Path) -> None:
    both = [str(found(tmp_path, run(), hostname=name)[0].readings[0].path) for name in ("one", "two")]
    with pytest.raises(BadInput, match=r"1 systems on 2 hosts \(one, two\)"):
        exports.write(frame.read_all(both), tmp_path / "a.json")
    with pytest.raises(BadInput, match="2 systems on 1 hosts"):
        exports.write(frame.read_all([f"{name}={both[0]}" for name in ("a", "b")]), tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()
