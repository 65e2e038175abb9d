"""What is chosen, in which order, what is skipped and why, and what is refused."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from ngtbench import backends, workloads
from ngtbench.discover import profiles
from ngtbench.discover.machine import discover
from ngtbench.errors import WorkloadError
from ngtbench.harness.plan import plan
from ngtbench.model.case import Selection
from ngtbench.model.machine import Cache, Cpu, Gpu, Match
from tests.fakes import host
from tests.machines import cpu, gpu, machine

TRIAD = Selection(workloads=("system/triad",))


def test_the_quick_suite_has_something_of_every_workload_that_names_a_size_for_it() -> None:
    planned = plan(machine(), Selection())
    known = {name: workloads.load(name) for name in workloads.names()}
    assert {job.case.workload for job in planned.jobs} == {name for name, workload in known.items() if workload.quick}
    assert sum(name.startswith("ml/") and bool(workload.quick) for name, workload in known.items()) >= 2
    full = {job.case.workload for job in plan(machine(), Selection(suite="full")).jobs}
    assert full == set(known)
    keys = [job.key for job in planned.jobs] + [skip.key for skip in planned.skipped]
    assert len(set(keys)) == len(keys)


def test_all_is_every_size_and_full_those_that_compare_machines() -> None:
    sizes = {
        suite: {job.case.size for job in plan(machine(), Selection(("ml/deepsets",), suite=suite)).jobs}
        for suite in ("full", "all")
    }
    assert sizes == {"full": {"S", "L"}, "all": set(workloads.load("ml/deepsets").sizes)}


def test_without_a_gpu_its_implementations_are_skipped_with_the_reason() -> None:
    planned = plan(machine(), TRIAD)
    reason = "no cuda or rocm device on this machine (cuda: no NVIDIA driver)"
    assert {(skip.case.impl, skip.reason) for skip in planned.skipped} == {("cupy", reason), ("rtc", reason)}


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
    monkeypatch.setattr(backends, "missing", lambda backend, more: None if backend == "numpy" and not more else backend)
    processor = discover(host.build(name, tmp_path)).cpu
    planned = plan(machine(processor=processor), Selection(suite="smoke"))
    numpy_jobs = {job.case.workload for job in planned.jobs}
    assert {"system/triad", "system/gemm", "system/launch", "lattice/wilson_dslash", "ml/jet_mlp"} <= numpy_jobs
    assert all(job.resources.threads == processor.usable_threads for job in planned.jobs)
    assert any("package torch is not installed" in skip.reason for skip in planned.skipped)


def flushed(device: str, processor: Cpu | None = None, *gpus: Gpu, matches: tuple[Match, ...] = ()) -> int | None:
    found = machine(*gpus, processor=processor)
    planned = plan(replace(found, matches=matches or found.matches), replace(TRIAD, impls=("numpy", "torch"), devices=(device,)))
    (flush_b,) = {job.flush_b for job in planned.jobs}
    return flush_b


def test_twice_the_last_level_cache_is_flushed() -> None:
    two_sockets = (Cache(2, "unified", 2**20, 16, 1), Cache(3, "unified", 2**25, 2, 8))
    assert flushed("cpu:0", replace(cpu(), caches=two_sockets)) == 2 * 2 * 2**25


def test_the_cache_of_a_gpu_is_its_profiles() -> None:
    matches = (Match("cpu:0", None, (), "a test"), Match("cuda:0", "mi300x", ()))
    assert flushed("cuda:0", None, gpu(), matches=matches) == 2 * 2**28  # of any fixed size, 256 MiB would be none at all
    assert flushed("cuda:0", None, gpu()) is None


@pytest.mark.parametrize(("hypervisor", "flush_b"), [(None, 2 * 4 * 2**20), ("KVM", None)])
def test_a_processor_without_a_third_level(hypervisor: str | None, flush_b: int | None) -> None:
    small = replace(cpu(), caches=(Cache(1, "data", 2**15, 4, 1), Cache(2, "unified", 2**20, 4, 1)), hypervisor=hypervisor)
    assert flushed("cpu:0", small) == flush_b


def test_a_guest_that_sees_no_third_level_has_its_profiles() -> None:
    guest = replace(cpu(), caches=(Cache(2, "unified", 2**20, 4, 1),), hypervisor="KVM", sockets=2)
    cache_b = profiles.load()["epyc-9654"].last_level_cache_b.value
    assert cache_b is not None
    assert flushed("cpu:0", guest, matches=(Match("cpu:0", "epyc-9654", ()),)) == 2 * 2 * cache_b


def test_an_audit_runs_a_case_between_sizes_near_it_and_with_other_seeds() -> None:
    jobs = plan(machine(), replace(TRIAD, sizes=("S",), impls=("numpy",), dtypes=("float64",), audit=True, seed=7)).jobs
    assert [job.case.size for job in jobs] == ["S~0", "S", "S~1", "S~seed"]
    assert len({job.seed for job in jobs}) == 4
    assert jobs[1].seed == 7
    assert len({job.key for job in jobs}) == 4
    assert len({job.flush_b for job in jobs}) == 1


def test_an_audit_of_a_workload_with_nothing_near_changes_the_seed() -> None:
    jobs = plan(machine(), Selection(workloads=("system/launch",), sizes=("S",), impls=("numpy",), audit=True)).jobs
    assert [job.case.size for job in jobs] == ["S", "S~seed"]
