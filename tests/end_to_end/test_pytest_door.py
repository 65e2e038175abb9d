"""`pytest --benchmark-only benchmarks/` from a fresh clone: validated, recorded, judged; without a trace elsewhere."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ngtbench.store.read import read
from tests.end_to_end.doors import LAUNCH, TRIAD, Clone, clone

ABSENT = "system/triad@1/XS/cupy/float64"
QUICK = ("--benchmark-max-time=0.05", "-p", "no:cacheprovider")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone."""
    return clone(tmp_path_factory.mktemp("door"))


def door(made: Clone, *words: object, cases: str = f"{LAUNCH} {TRIAD}") -> subprocess.CompletedProcess[str]:
    asked = ("--benchmark-only", "benchmarks/", *QUICK, *map(str, words))
    return made.run(str(made.python), "-m", "pytest", *asked, NGTBENCH_ASV_CASES=cases, OMP_NUM_THREADS="1")


@pytest.fixture(scope="module")
def taken(made: Clone) -> tuple[Path, str]:
    """Return the JSON of one run, and what it printed."""
    path = made.place.parent / "taken.json"
    ended = door(made, f"--benchmark-json={path}", cases=f"{LAUNCH} {TRIAD} {ABSENT} system/memory@1/XS/numba/*")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return path, ended.stdout


def test_cases_are_timed_and_what_cannot_be_is_skipped(taken: tuple[Path, str]) -> None:
    path, printed = taken
    benches = {bench["extra_info"]["case"]: bench for bench in json.loads(path.read_text())["benchmarks"]}
    assert set(benches) == {LAUNCH, TRIAD}
    assert benches[TRIAD]["fullname"] == f"benchmarks/system.py::Triad[{TRIAD}]"
    assert benches[TRIAD]["group"] == "system/triad@1/XS/float64"
    assert benches[LAUNCH]["stats"]["iterations"] > 10
    assert "2 passed, 2 skipped" in printed
    assert "its trials time themselves" in printed
    assert "no cuda or rocm device" in printed or "cupy is not installed" in printed


def test_our_record_stands_beside_the_json(taken: tuple[Path, str]) -> None:
    path, printed = taken
    reading = read(path.with_suffix(".jsonl"))
    assert f"records: {path.with_suffix('.jsonl')}" in printed
    benches = {bench["extra_info"]["case"]: bench for bench in json.loads(path.read_text())["benchmarks"]}
    ended = {run.case.id: run.outcome for run in reading.runs}
    assert [ended[case].status for case in (LAUNCH, TRIAD, ABSENT)] == ["done", "done", "skipped"]
    for case, bench in benches.items():
        measured = ended[case].measurement
        assert measured is not None
        assert list(measured.series["wall_s"]) == bench["stats"]["data"]
        assert len(measured.at_s) == len(bench["stats"]["data"])
        assert list(measured.at_s) == sorted(measured.at_s)
        assert measured.calls == bench["stats"]["iterations"]
    run = next(run for run in reading.runs if run.case.id == TRIAD)
    assert (run.resources.threads, run.resources.bind, run.provenance.environment["OMP_NUM_THREADS"]) == (1, False, "1")
    (machine,) = reading.machines.values()
    assert json.loads(path.read_text())["machine_info"]["ngtbench"]["host"] == machine.host.hostname


def test_a_saved_run_has_its_record_too(made: Clone) -> None:
    assert door(made, "--benchmark-save=mine", cases=LAUNCH).returncode == 0
    (saved,) = (made.place / ".benchmarks").rglob("*_mine.json")
    assert [run.case.id for run in read(saved.with_suffix(".jsonl")).runs] == [LAUNCH]


def test_a_case_can_be_named(made: Clone) -> None:
    words = ("-m", "pytest", "--benchmark-only", *QUICK, f"benchmarks/system.py::Triad[{TRIAD}]")
    ended = made.run(str(made.python), *words, NGTBENCH_ASV_CASES="system/*")
    assert "1 passed" in ended.stdout, ended.stdout


@pytest.mark.parametrize("tolerance", ["nan", "0", "-0.1", "inf"])
def test_a_tolerance_by_which_nothing_could_be_slower_is_refused(made: Clone, tolerance: str) -> None:
    ended = door(made, f"--ngtbench-tolerance={tolerance}")
    assert ended.returncode == 4
    assert "must be a share above 0" in ended.stderr


def edited(path: Path, to: Path, change: Any) -> Path:
    plain = json.loads(path.read_text())
    change(plain)
    to.write_text(json.dumps(plain))
    return to


@pytest.mark.parametrize(
    ("factor", "words", "code", "said"),
    [
        (1e3, (), 0, "baseline of 2: 0 missing"),
        (1e-3, (), 1, "median "),
        (1e-3, ("--ngtbench-tolerance=1e6",), 0, "baseline of 2: 0 missing"),
        (1e3, ("-k", "Launch"), 1, f"Triad[{TRIAD}]: missing: it is in the baseline"),
        (1e3, ("-k", "nothing"), 1, f"Triad[{TRIAD}]: missing: it is in the baseline"),
    ],
)
def test_a_baseline_fails_what_is_missing_or_slower(
    made: Clone, taken: tuple[Path, str], tmp_path: Path, factor: float, words: tuple[str, ...], code: int, said: str
) -> None:
    def scale(plain: Any) -> None:
        for bench in plain["benchmarks"]:
            bench["stats"]["median"] *= factor

    ended = door(made, "--ngtbench-baseline", edited(taken[0], tmp_path / "b.json", scale), *words)
    assert ended.returncode == code, ended.stdout
    assert said in ended.stdout
    assert "the statistical gate is `ngtbench gate`" in ended.stdout


def test_another_machines_baseline_is_refused(made: Clone, taken: tuple[Path, str], tmp_path: Path) -> None:
    other = edited(taken[0], tmp_path / "b.json", lambda plain: plain["machine_info"]["ngtbench"].update(gpu="NVIDIA L40S"))
    ended = door(made, "--ngtbench-baseline", other)
    assert ended.returncode == 4
    assert "taken on another machine (gpu: NVIDIA L40S then, " in ended.stderr
    assert door(made, "--ngtbench-baseline", tmp_path / "none.json").returncode == 4


def test_a_wrong_kernel_fails_and_is_in_no_file(taken: tuple[Path, str], tmp_path: Path) -> None:
    made = clone(tmp_path)
    made.break_triad()
    path = tmp_path / "wrong.json"
    ended = door(made, f"--benchmark-json={path}", "--ngtbench-baseline", taken[0], "--ngtbench-tolerance=1e6")
    assert ended.returncode == 1
    assert f"{TRIAD}: wrong: error 0.0" in ended.stdout
    assert f"Triad[{TRIAD}]: failed in this run" in ended.stdout
    assert [bench["extra_info"]["case"] for bench in json.loads(path.read_text())["benchmarks"]] == [LAUNCH]
    statuses = {run.case.id: run.outcome for run in read(path.with_suffix(".jsonl")).runs}
    assert statuses[TRIAD].status == "wrong"
    assert statuses[TRIAD].measurement is None


def test_what_turns_wrong_while_timed_is_in_no_file(tmp_path: Path) -> None:
    made = clone(tmp_path)
    made.break_triad()
    file = made.place / "ngtbench/kernels/system/triad.py"
    late = "    count = iter(range(10**9))\n    return lambda: {'a': run()['a'] * (1 + 0.01 * (next(count) > 99))}\n"
    file.write_text(file.read_text().rpartition("    return lambda")[0] + late)
    path = tmp_path / "late.json"
    ended = door(made, f"--benchmark-json={path}")
    assert f"{TRIAD}: wrong: right before timing, wrong after it" in ended.stdout
    assert [bench["extra_info"]["case"] for bench in json.loads(path.read_text())["benchmarks"]] == [LAUNCH]


def test_loading_the_plugin_loads_nothing_heavy() -> None:
    program = (
        "import sys, ngtbench.adapters.pytest; "
        "print(sorted({'numpy', 'pydantic', 'pytest_benchmark', 'psutil', 'typer'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"


FOREIGN = """
import sys

def test_one(benchmark):
    benchmark(sum, [1, 2])
    assert not {"numpy", "pydantic", "ngtbench.adapters.session"} & set(sys.modules)
"""


def test_another_project_does_not_notice(tmp_path: Path) -> None:
    (tmp_path / "test_foreign.py").write_text(FOREIGN)
    (tmp_path / "bench.py").write_text("from ngtbench import errors  # not ngtbench.adapters.asv\nraise SystemExit\n")
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:hypothesispytest",
        ".",
        "--benchmark-json=x.json",
    ]
    alone = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}  # whose JSON nobody writes
    ended = subprocess.run(words, cwd=tmp_path, env=alone, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout
    assert "ngtbench" not in json.loads((tmp_path / "x.json").read_text())["machine_info"]
    assert not (tmp_path / "x.jsonl").exists()


def test_doors_are_collected_only_where_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "doors").mkdir()
    text = "from ngtbench.adapters.asv import door\n\nTriad = door('system/triad')\n"
    (tmp_path / "doors" / "system.py").write_text(text)
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")
    for ini, words, collected in (("", (), 1), ("testpaths = .", (), 1), ("", ("test_own.py",), 1), ("", ("doors",), None)):
        (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *words]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        found = [line for line in ended.stdout.splitlines() if "::" in line]
        assert len(found) == collected if collected else all("Triad[system/triad@1/" in line for line in found), ended.stdout
        assert found
