"""Whatever an implementation, a worker, the parent or the disk does: one failed record, never a lost run."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine

EVIL = Path(__file__).parent / "workloads"
QUICK = ("--budget", "0.05s", "--size", "XS", "--dtype", "float64")


def records(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line["schema"] == "ngtbench.run/1"]


def run_one(ngtbench: CommandLine, tmp_path: Path, impl: str, *more: str) -> tuple[int, dict[str, Any], str]:
    file = tmp_path / "records.jsonl"
    words = ("run", "evil/double", "--workloads", EVIL, "--impl", impl, *QUICK, "--output", file, *more)
    ended = ngtbench(*words)
    assert "Traceback" not in ended.stderr
    (record,) = records(file)
    return ended.returncode, record["outcome"], ended.stdout + ended.stderr


@pytest.mark.parametrize("impl", ["percent", "zeros", "nan", "shape", "unnamed", "cached", "late", "inplace"])
def test_a_wrong_result_is_recorded_as_wrong_and_never_timed(ngtbench: CommandLine, tmp_path: Path, impl: str) -> None:
    code, outcome, _ = run_one(ngtbench, tmp_path, impl)
    assert code == 1
    assert outcome["status"] == "wrong"
    assert outcome["measurement"] is None
    assert outcome["reason"]


@pytest.mark.parametrize(
    ("impl", "words"),
    [
        ("raises", "ZeroDivisionError: built wrongly (faulty.py:"),
        ("hangs", "no answer within 3 s while prepare: killed"),
        ("killed", "signal 9 (SIGKILL)"),
        ("exits", "exit code 7"),
        ("hungry", "out of memory: "),
        ("forges", "answered with what is no JSON while prepare: b'garbage'"),
        ("surrogate", r"ValueError: \ud800"),
        ("oracle", "the oracle cannot be an implementation"),
    ],
)
def test_a_failing_case_is_one_failed_record(ngtbench: CommandLine, tmp_path: Path, impl: str, words: str) -> None:
    code, outcome, _ = run_one(ngtbench, tmp_path, impl, "--timeout", "3s")
    assert code == 1
    assert outcome["status"] == "failed"
    assert words in outcome["reason"]
    assert outcome["measurement"] is None


@pytest.mark.parametrize("impl", ["right", "prints"])
def test_noise_on_stdout_does_not_disturb(ngtbench: CommandLine, tmp_path: Path, impl: str) -> None:
    code, outcome, _ = run_one(ngtbench, tmp_path, impl)
    assert (code, outcome["status"]) == (0, "done")
    assert len(outcome["measurement"]["series"]["wall_s"]) >= 3


def test_a_child_left_behind_ends_with_its_worker(ngtbench: CommandLine, tmp_path: Path) -> None:
    code, outcome, _ = run_one(ngtbench, tmp_path, "greedy")
    assert (code, outcome["status"]) == (0, "done")


def test_unavailable_is_a_skip_and_nothing_could_run(ngtbench: CommandLine, tmp_path: Path) -> None:
    code, outcome, _ = run_one(ngtbench, tmp_path, "absent")
    assert (code, outcome["status"]) == (3, "skipped")
    assert (outcome["reason"], outcome["remedy"]) == ("no quantum coprocessor", "buy one")


def test_a_run_goes_on_after_every_fault_and_ranks_only_what_is_right(ngtbench: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    ended = ngtbench("run", "evil/double", "--workloads", EVIL, *QUICK, "--timeout", "3s", "--output", file)
    assert ended.returncode == 1
    statuses = {record["case"]["impl"]: record["outcome"]["status"] for record in records(file)}
    assert {impl for impl, status in statuses.items() if status == "done"} == {"right", "prints", "greedy"}
    assert len(statuses) == 20
    assert ngtbench("check", file).returncode == 0
    compared = ngtbench("compare", file, file, "--json")
    assert compared.returncode == 0
    (comparison,) = json.loads(compared.stdout)["comparisons"]
    ranked = {row["case"].split("/")[3] for row in comparison["cases"] if row["ratio"] is not None}
    assert ranked == {"right", "prints", "greedy"}


def start(tmp_path: Path, file: Path, *more: str) -> subprocess.Popen[bytes]:
    words = ["run", "system/triad", "system/launch", "--size", "XS", "--budget", "1s", "--output", str(file), *more]
    return subprocess.Popen(
        [sys.executable, "-m", "ngtbench", *words], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def wait_for_records(file: Path, count: int) -> None:
    for _ in range(1200):
        if file.exists() and file.read_bytes().count(b'"schema":"ngtbench.run/1"') >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"no {count} records in {file}")


def done_keys(file: Path) -> list[tuple[str, ...]]:
    return [
        (*record["case"].values(), record["resources"]["device"], record["launch"])
        for record in records(file)
        if record["outcome"]["status"] == "done"
    ]


def workers_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def finish(ngtbench: CommandLine, file: Path) -> None:
    ended = ngtbench("run", "--resume", file)
    assert ended.returncode == 0, ended.stderr
    keys = done_keys(file)
    assert len(keys) == len(set(keys))
    planned = next(line for line in map(json.loads, file.read_text().splitlines()) if line["schema"] == "ngtbench.plan/1")
    assert len(records(file)) == len(planned["keys"])
    assert ngtbench("check", file).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_parent_loses_at_most_the_case_in_flight(ngtbench: CommandLine, tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "records.jsonl"
    process = start(tmp_path, file)
    wait_for_records(file, 2)
    time.sleep(0.3)
    workers = workers_of(process.pid)
    process.send_signal(number)
    code = process.wait(30)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    assert workers
    for _ in range(100):
        if not any(Path(f"/proc/{pid}").exists() for pid in workers):
            break
        time.sleep(0.05)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()], "workers outlived their parent"
    before = done_keys(file)
    finish(ngtbench, file)
    assert done_keys(file)[: len(before)] == before


def test_a_killed_worker_is_one_failed_record_and_is_replaced(ngtbench: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    process = start(tmp_path, file, "--impl", "numpy", "--impl", "numba")
    wait_for_records(file, 1)
    time.sleep(0.3)
    for pid in workers_of(process.pid):
        os.kill(pid, signal.SIGKILL)
    assert process.wait(60) == 1
    statuses = [record["outcome"]["status"] for record in records(file)]
    assert statuses.count("failed") >= 1
    assert "done" in statuses[-2:]


def test_a_half_line_is_dropped_and_its_case_run_again(ngtbench: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    assert (
        ngtbench("run", "system/triad", "--size", "XS", "--impl", "numpy", "--budget", "0.05s", "--output", file).returncode == 0
    )
    whole = file.read_bytes()
    file.write_bytes(whole[: whole.rstrip(b"\n").rfind(b"\n") + 200])
    assert "half a line at the end was skipped" in ngtbench("check", file).stderr
    finish(ngtbench, file)
    assert len(records(file)) == 2


def test_a_full_disk_keeps_what_was_measured(ngtbench: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    words = ("run", "system/triad", "--size", "XS", "--budget", "0.05s")
    assert ngtbench(*words, "--output", tmp_path / "whole.jsonl").returncode == 0
    room = int((tmp_path / "whole.jsonl").stat().st_size * 0.8)
    limited = subprocess.run(
        [sys.executable, "-m", "ngtbench", *words, "--output", str(file)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert limited.returncode == 2
    assert "Traceback" not in limited.stderr
    assert f"--resume {file}" in limited.stderr
    assert file.read_bytes().endswith(b"\n")
    assert ngtbench("check", file).returncode == 0
    finish(ngtbench, file)


def test_two_runs_do_not_write_one_file(ngtbench: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    process = start(tmp_path, file)
    try:
        wait_for_records(file, 1)
        second = ngtbench("run", "--resume", file)
        assert second.returncode == 2
        assert "another run is writing this file" in second.stderr
    finally:
        process.terminate()
        process.wait(30)


def test_a_run_is_not_finished_on_another_machine(ngtbench: CommandLine) -> None:
    golden = Path(__file__).parents[1] / "golden" / "version-1.jsonl"
    before = golden.read_bytes()
    ended = ngtbench("run", "--resume", golden)
    assert ended.returncode == 2
    assert "begun on testhost" in ended.stderr
    assert golden.read_bytes() == before
