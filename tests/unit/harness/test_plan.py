"""What is chosen, in which order, what is skipped and why, and what is refused."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from ngtbench import backends, workloads
from ngtbench.discover.machine import discover
from ngtbench.errors import WorkloadError
from ngtbench.harness.plan import plan
from ngtbench.model.case import Selection
from tests.fakes import host
from tests.machines import cpu, gpu, machine

TRIAD = Selection(workloads=("system/triad",))


def test_the_quick_suite_has_something_of_every_workload() -> None:
    planned = plan(machine(), Selection())
    assert {job.case.workload for job in planned.jobs} == set(workloads.names())
    keys = [job.key for job in planned.jobs] + [skip.key for skip in planned.skipped]
    assert len(set(keys)) == len(keys)


def test_without_a_gpu_its_implementations_are_skipped_with_the_reason() -> None:
    planned = plan(machine(), TRIAD)
    (skips,) = {(skip.case.impl, skip.reason) for skip in planned.skipped}
    assert skips == ("cupy", "no cuda or rocm device on this machine (cuda: no NVIDIA driver)")


def test_every_gpu_gets_its_jobs() -> None:
    planned = plan(machine(gpu(0), gpu(1)), TRIAD)
    assert {job.resources.device for job in planned.jobs if job.case.impl == "torch"} == {"cpu:0", "cuda:0", "cuda:1"}
    only = plan(machine(gpu(0), gpu(1)), replace(TRIAD, devices=("cuda:1",)))
    assert {job.resources.device for job in only.jobs} == {"cuda:1"}


def test_what_does_not_fit_is_skipped() -> None:
    planned = plan(machine(processor=cpu(memory_b=2**30)), replace(TRIAD, sizes=("M",)))
    assert not [job for job in planned.jobs if job.case.size == "M" and job.resources.device == "cpu:0"]
    assert any("cpu:0 has 1 GiB" in skip.reason for skip in planned.skipped)


def test_one_thread_per_core() -> None:
    assert {job.resources.threads for job in plan(machine(processor=cpu(8, smt=True)), TRIAD).jobs} == {4}
    assert {job.resources.threads for job in plan(machine(processor=cpu(8)), TRIAD).jobs} == {8}
    assert {job.resources.threads for job in plan(machine(), replace(TRIAD, threads=3)).jobs} == {3}


def test_launches_have_seeds_of_their_own_and_an_order_that_is_recorded() -> None:
    first, again = (plan(machine(), replace(TRIAD, launches=3, seed=5)) for _ in range(2))
    assert first == again
    assert [job.launch for job in first.jobs] == sorted(job.launch for job in first.jobs)
    assert {(job.launch, job.seed) for job in first.jobs} == {(0, 5), (1, 6), (2, 7)}
    orders = {tuple(job.case.id for job in plan(machine(), replace(TRIAD, seed=seed)).jobs) for seed in range(8)}
    assert len(orders) > 1


def test_rivals_run_side_by_side() -> None:
    jobs = plan(machine(), Selection(suite="smoke")).jobs
    problems = [f"{job.case.problem} {job.resources.device}" for job in jobs]
    assert len([1 for a, b in pairwise(problems) if a != b]) + 1 == len(set(problems))


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(workloads=("system/nope",)), "no workload matches 'system/nope': there are"),
        (replace(TRIAD, sizes=("XXL",)), "no size 'XXL'"),
        (replace(TRIAD, dtypes=("float8",)), "no dtype 'float8'"),
        (replace(TRIAD, impls=("fortran",)), "no implementation 'fortran'"),
        (replace(TRIAD, devices=("cuda:9",)), "no device 'cuda:9'"),
        (replace(TRIAD, suite="slow"), "no suite 'slow'"),
        (replace(TRIAD, workload_dir="/nowhere"), "no such folder"),
        (Selection(workloads=("system/gemm",), impls=("numpy",), dtypes=("bfloat16",)), "nothing matches"),
    ],
)
def test_bad_words_are_refused(selection: Selection, words: str) -> None:
    with pytest.raises(WorkloadError, match=words):
        plan(machine(), selection)


@pytest.mark.parametrize("name", ["grace", "riscv-board"])
def test_other_processors_get_their_numpy_cases(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host for which only the core installs: no wheel of numba, torch or cupy."""
    monkeypatch.setattr(backends, "missing", lambda backend: None if backend == "numpy" else backend)
    processor = discover(host.build(name, tmp_path)).cpu
    planned = plan(machine(processor=processor), Selection(suite="smoke"))
    numpy_jobs = {job.case.workload for job in planned.jobs}
    assert {"system/triad", "system/gemm", "system/launch", "lattice/wilson_dslash", "ml/jet_mlp"} <= numpy_jobs
    assert all(job.resources.threads == processor.usable_threads for job in planned.jobs)
    assert any("package torch is not installed" in skip.reason for skip in planned.skipped)
