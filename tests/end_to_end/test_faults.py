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
HONEST = {"right", "prints", "greedy", "tuned", "learnt"}  # the last two only where no audit looks
QUICK = ("--budget", "0.05s", "--size", "XS", "--dtype", "float64")
FEW = ("--size", "XS", "--impl", "numpy", "--impl", "numba")  # two workers that start soon


def records(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line["schema"] == "ngtbench.run/2"]


def run_one(ngtbench: CommandLine, tmp_path: Path, impl: str, *more: str) -> tuple[int, dict[str, Any], str]:
    file = tmp_path / "records.jsonl"
    words = ("run", "evil/double", "--workloads", EVIL, "--impl", impl, *QUICK, "--output", file, *more)
    ended = ngtbench(*words)
    assert "Traceback" not in ended.stderr
    (record,) = records(file)
    return ended.returncode, record["outcome"], ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("impl", "words"),
    [
        ("percent", "error 0."),
        ("zeros", "error "),
        ("nan", "is nan"),
        ("shape", "has shape"),
        ("unnamed", "instead of named outputs"),
        ("cached", "outputs were poisoned"),
        ("late", "right before timing, wrong after it"),
        ("inplace", "right before timing, wrong after it"),
        ("skips", "outputs were poisoned"),
        ("tires", "outputs were poisoned"),
        ("frozen", "no plain array of numpy"),
        ("promise", "no plain array of numpy"),
        ("leaves", "outputs were poisoned"),
        ("stale", "right for the inputs it was built with, wrong once they change"),
    ],
)
def test_a_wrong_result_is_recorded_as_wrong_and_never_timed(
    ngtbench: CommandLine, tmp_path: Path, impl: str, words: str
) -> None:
    code, outcome, _ = run_one(ngtbench, tmp_path, impl)
    assert code == 1
    assert outcome["status"] == "wrong"
    assert outcome["measurement"] is None
    assert words in outcome["reason"]


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
        ("vanishes", "RuntimeError: CUDA error: unspecified launch failure (faulty.py:"),
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
    assert {impl for impl, status in statuses.items() if status == "done"} == HONEST
    assert len(statuses) == 29
    assert ngtbench("check", file).returncode == 0
    compared = ngtbench("compare", file, file, "--json", "--accept", "shared", "--accept", "unconverged")
    assert compared.returncode == 0
    (comparison,) = json.loads(compared.stdout)["comparisons"]
    ranked = {row["case"].split("/")[3] for row in comparison["tables"][0]["cases"] if row["ratio"] is not None}
    assert ranked == HONEST


def test_an_audit_shows_what_is_tuned_to_the_size_or_learnt_for_the_seed(ngtbench: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    impls = [word for name in ("right", "tuned", "learnt") for word in ("--impl", name)]
    ended = ngtbench("run", "evil/double", "--workloads", EVIL, *impls, *QUICK, "--audit", "--output", file)
    assert ended.returncode == 1
    said = [line.partition(" ")[2].strip() for line in ended.stderr.splitlines() if line.startswith("audit")]
    assert said[0] == "1 of 3 cases hold near their size and with other seeds"
    assert any(line.startswith("wrong: evil/double@1/XS/learnt/float64: right at XS, wrong at XS~0 (seed ") for line in said)
    assert any(line.startswith("evil/double@1/XS/tuned/float64: ") and "tuned to its shape: " in line for line in said)
    assert len(records(file)) == 12
    assert ngtbench("check", file).returncode == 0


def test_every_launch_has_inputs_of_its_own(ngtbench: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    words = ("run", "evil/double", "--workloads", EVIL, "--impl", "right", *QUICK, "--launches", "3", "--seed", "5")
    assert ngtbench(*words, "--output", file).returncode == 0
    assert [(record["launch"], record["seed"]) for record in records(file)] == [(0, 5), (1, 6), (2, 7)]
    assert len({record["outcome"]["verdict"]["inputs_digest"] for record in records(file)}) == 3


PERF = """#!/bin/sh
if [ "$1" = report ]; then echo "  90.00% double"; exit 0; fi
while [ "$1" != -- ]; do if [ "$1" = -o ]; then file=$2; fi; shift; done
shift
echo samples > "$file"
exec "$@"
"""


def test_a_case_that_a_profiler_watched_is_marked_and_never_compared(ngtbench: CommandLine, tmp_path: Path) -> None:
    perf = tmp_path / "bin" / "perf"
    perf.parent.mkdir()
    perf.write_text(PERF)
    perf.chmod(0o755)
    case, plain, watched = "evil/double@1/XS/right/float64", tmp_path / "plain.jsonl", tmp_path / "watched.jsonl"
    words = ("run", "--profile", case, "--workloads", EVIL, "--budget", "0.05s", "--output", watched)
    ended = ngtbench(*words, PATH=f"{perf.parent}:{os.environ['PATH']}")
    assert ended.returncode == 0, ended.stderr
    assert f"profile    {tmp_path}/watched.perf.data; open it with: perf report -i {tmp_path}/watched.perf.data" in ended.stderr
    assert "90.00% double" in ended.stderr
    (record,) = records(watched)
    assert (record["outcome"]["status"], record["provenance"]["profiler"]) == ("done", "perf")
    assert ngtbench("run", "evil/double", "--workloads", EVIL, "--impl", "right", *QUICK, "--output", plain).returncode == 0
    compared = json.loads(ngtbench("compare", plain, watched, "--json").stdout)
    (row,) = compared["comparisons"][0]["tables"][0]["cases"]
    assert row["ratio"] is None
    assert "B was watched by perf" in json.dumps(row)


def test_without_a_profiler_nothing_runs(ngtbench: CommandLine, tmp_path: Path) -> None:
    words = ("run", "--profile", "system/launch@1/XS/numpy/float64", "--output", tmp_path / "a.jsonl")
    ended = ngtbench(*words, PATH=str(tmp_path))
    assert ended.returncode == 3
    assert "perf is not on PATH" in ended.stderr
    assert not (tmp_path / "a.jsonl").exists()


def start(tmp_path: Path, file: Path) -> subprocess.Popen[bytes]:
    words = ["run", "system/triad", "system/launch", *FEW, "--budget", "0.6s", "--output", str(file)]
    return subprocess.Popen(
        [sys.executable, "-m", "ngtbench", *words], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def wait_for_records(file: Path, count: int) -> None:
    for _ in range(1200):
        if file.exists() and file.read_bytes().count(b'"schema":"ngtbench.run/2"') >= count:
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
    planned = next(line for line in map(json.loads, file.read_text().splitlines()) if line["schema"] == "ngtbench.plan/2")
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
    process = start(tmp_path, file)
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
    words = ("run", "system/triad", "--size", "XS", "--impl", "numpy", "--launches", "4", "--budget", "0.05s")
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
