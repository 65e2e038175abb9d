"""The door of asv: what it offers, where a case runs, and what it hands over."""

import importlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ngtbench import workloads
from ngtbench.adapters import asv
from ngtbench.errors import NgtBenchError, WorkloadError
from ngtbench.harness import attempt as measuring
from ngtbench.model.case import Job, Metric, Skip
from ngtbench.model.record import Outcome
from tests import machines, records

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
TRIAD = "system/triad@1/M/numpy/float64"


def doors() -> dict[str, type[asv.Door]]:
    modules = [importlib.import_module(f"benchmarks.{path.stem}") for path in sorted(BENCHMARKS.glob("[!_]*.py"))]
    found = [(name, thing) for module in modules for name, thing in vars(module).items() if isinstance(thing, type)]
    assert len(dict(found)) == len(found)
    assert all(issubclass(thing, asv.Door) for _, thing in found)
    return {name: thing for name, thing in found if issubclass(thing, asv.Door)}


def job(case: str = TRIAD) -> Job:
    found = asv.where(case, machines.machine())
    assert isinstance(found, Job)
    return found


def test_every_workload_has_its_line_and_asv_finds_the_class_by_its_name() -> None:
    assert {door.workload for door in doors().values()} == set(workloads.names())
    assert all(door.__name__ == name for name, door in doors().items())


def test_no_file_of_doors_imports_pytest() -> None:
    assert not [path for path in BENCHMARKS.rglob("*.py") if "import pytest" in path.read_text()]


def test_importing_a_file_of_doors_is_cheap() -> None:
    program = "import sys, benchmarks.system; print(sorted({'numpy', 'pydantic', 'psutil', 'asv_runner'} & set(sys.modules)))"
    root = BENCHMARKS.parent
    ended = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"


def test_the_list_is_of_the_quick_suite_and_the_same_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(asv.CASES, raising=False)
    (cases,) = asv.door("system/triad")().params
    triad = workloads.load("system/triad")
    assert len(cases) == len(set(cases)) == 2 * len(triad.impls)
    assert {asv.parse(case).size for case in cases} == {*triad.quick, *triad.quick_gpu}
    assert any("/cupy/" in case for case in cases)


def test_the_variable_selects_by_globs_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(asv.CASES, "*/XS/numpy/float64 system/gemm@1/L/torch/tf32")
    assert asv.door("system/triad")().params == [["system/triad@1/XS/numpy/float64"]]
    assert asv.door("system/gemm")().params == [["system/gemm@1/XS/numpy/float64", "system/gemm@1/L/torch/tf32"]]
    assert asv.door("system/memory")().params == [[]]


def test_the_version_is_the_workloads(monkeypatch: pytest.MonkeyPatch) -> None:
    triad = workloads.load("system/triad")
    monkeypatch.setattr(workloads, "load", lambda name: replace(triad, version=7))
    assert asv.door("system/triad")().version == "7"


def test_a_case_runs_on_the_first_gpu_where_the_suite_gives_it_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(asv.CASES, raising=False)
    both = machines.machine(machines.gpu(0), machines.gpu(1))
    on_gpu, on_cpu = asv.where("ml/jet_mlp@1/M/torch/float32", both), asv.where("ml/jet_mlp@1/M/numpy/float32", both)
    assert (on_gpu.resources.device, on_cpu.resources.device) == ("cuda:0", "cpu:0")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("system/triad@1/M/cupy/float64", "no cuda or rocm device"),
        ("system/gemm@1/M/torch/float32", "the quick suite runs this size"),
    ],
)
def test_what_cannot_run_here_is_skipped_with_the_reason(case: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(asv.CASES, raising=False)
    found = asv.where(case, machines.machine())
    assert isinstance(found, Skip)
    assert words in found.reason


def test_a_figure_of_merit_that_is_no_time_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = workloads.load("system/memory")
    case = "system/memory@1/S/numba/float64"
    assert isinstance(asv.where(case, machines.machine()), Job)
    monkeypatch.setattr(workloads, "load", lambda name, folder=None: replace(memory, metrics=(Metric("rate_b_per_s", "higher"),)))
    found = asv.where(case, machines.machine())
    assert isinstance(found, Skip)
    assert found.reason == "its figure of merit, rate_b_per_s, is no time"


def test_what_is_no_case_id_is_said() -> None:
    with pytest.raises(WorkloadError, match="'triad' is no case id"):
        asv.parse("triad")


def tracked(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> dict[str, Any]:
    door = asv.door("system/triad")()
    door._job, door._machine = job(), machines.machine()
    monkeypatch.setattr(asv, "_measured", lambda job, machine: outcome)
    return door.track_wall(TRIAD)


def test_it_hands_over_raw_samples_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    few = tracked(monkeypatch, records.done([1.0, 2.0, 3.0]))
    assert few == {"samples": [1.0, 2.0, 3.0], "number": 1}
    many = tracked(monkeypatch, records.done([float(k) for k in range(1, 1402)]))["samples"]
    assert many == [float(k) for k in range(1, 1402, 3)]


def test_the_figure_of_merit_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Outcome(
        "done", measurement=records.measurement([9.0], latency_s=[1e-7]), metrics=(Metric("latency_s"), Metric("x"))
    )
    assert tracked(monkeypatch, outcome)["samples"] == [1e-7]


@pytest.mark.parametrize("status", ["wrong", "failed"])
def test_a_wrong_or_failed_case_has_no_samples(monkeypatch: pytest.MonkeyPatch, status: Any) -> None:
    with pytest.raises(NgtBenchError, match=f"{TRIAD}: {status}: error 0.01"):
        tracked(monkeypatch, Outcome(status, reason="error 0.01"))


def test_a_case_that_its_kernel_cannot_run_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    from asv_runner.benchmarks.mark import SkipNotImplemented

    with pytest.raises(SkipNotImplemented, match="no compiler"):
        tracked(monkeypatch, Outcome("skipped", reason="no compiler"))


def test_setup_skips_in_the_word_of_asv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(asv.CASES, raising=False)
    monkeypatch.setattr("ngtbench.discover.machine.discover", machines.machine)
    with pytest.raises(NotImplementedError, match="no cuda or rocm device"):
        asv.door("system/triad")().setup("system/triad@1/M/cupy/float64")


def test_each_case_is_measured_in_a_worker_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(asv.CASES, raising=False)
    seen: list[tuple[int, str, bool]] = []

    def attempt(worker: Any, job: Job, **more: Any) -> Outcome:
        seen.append((worker.pid, worker.package, more["timeout_s"] < asv.TIMEOUT_S))
        return Outcome("skipped", reason="seen")

    monkeypatch.setattr(measuring, "attempt", attempt)
    for _ in range(2):
        asv._measured(job(), machines.machine())
    assert seen[0][0] != seen[1][0]
    assert all(Path(package) == Path(workloads.__file__).parents[1] and shorter for _, package, shorter in seen)
    assert not [pid for pid, *_ in seen if Path(f"/proc/{pid}").exists() and os.waitpid(pid, os.WNOHANG)]


def test_what_exceeds_the_data_sheet_is_failed_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def __init__(self, *words: object) -> None:
            pass

        def close(self) -> None:
            pass

    beyond = Outcome("failed", reason="reaches 300 % of the data sheet's memory bandwidth")
    monkeypatch.setattr("ngtbench.harness.launch.Worker", Silent)
    monkeypatch.setattr(measuring, "attempt", lambda worker, job, **more: records.done())
    monkeypatch.setattr("ngtbench.harness.ceiling.of", lambda machine: lambda job, outcome: beyond)
    assert asv._measured(job(), machines.machine()) is beyond
