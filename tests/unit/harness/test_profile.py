"""Which profiler watches a case, how it is called, and what is said where none can."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench.errors import BadInput, Unavailable, WorkloadError
from ngtbench.harness import profile
from ngtbench.harness.plan import plan
from ngtbench.model.case import Job, Resources, Selection
from tests.machines import gpu, machine
from tests.records import case

CASE = "system/triad@1/M/numpy/float64"


def job(device: str = "cpu:0") -> Job:
    return Job(case(), Resources(device, 2, True), "numpy", "ported", 0, 1)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, script: str = "exit 0") -> str:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IEXEC)
    return str(file)


def test_a_case_id_selects_that_case_alone() -> None:
    narrowed = profile.narrow(CASE, Selection(devices=("cpu:0",)))
    wanted = Selection(("system/triad",), sizes=("M",), impls=("numpy",), dtypes=("float64",), devices=("cpu:0",))
    assert narrowed == wanted
    found = profile.only(plan(machine(), narrowed), CASE)
    assert (found.case.id, found.resources.device) == (CASE, "cpu:0")


@pytest.mark.parametrize("more", [{"sizes": ("S",)}, {"workloads": ("x",)}, {"launches": 2}, {"audit": True}])
def test_a_second_choice_of_cases_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="names the one case"):
        profile.narrow(CASE, replace(Selection(), **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["triad", "system/triad", "system/triad@1/M/numpy", CASE + "/x"])
def test_what_is_no_case_id_is_refused(word: str) -> None:
    with pytest.raises(WorkloadError, match="no case id: write one as printed"):
        profile.narrow(word, Selection())


def test_a_case_of_another_version_is_refused() -> None:
    old = CASE.replace("@1", "@0")
    with pytest.raises(WorkloadError, match=f"this version of ngtbench has {CASE}"):
        profile.only(plan(machine(), profile.narrow(old, Selection())), old)


def test_a_case_that_cannot_run_here_is_unavailable_with_the_reason() -> None:
    absent = "system/triad@1/M/cupy/float64"
    with pytest.raises(Unavailable, match="cannot run here: no cuda or rocm device"):
        profile.only(plan(machine(), profile.narrow(absent, Selection())), absent)


def test_a_case_on_several_devices_needs_one_named() -> None:
    torch = "system/triad@1/M/torch/float64"
    with pytest.raises(WorkloadError, match="choose one with --device"):
        profile.only(plan(machine(gpu()), profile.narrow(torch, Selection())), torch)


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("cpu:0", "perf is not on PATH .*linux-perf"),
        ("cuda:0", "nsys is not on PATH .*Nsight"),
        ("rocm:0", "neither rocprofv3 nor rocprof .*ROCm"),
    ],
)
def test_without_a_profiler_the_remedy_is_named(device: str, words: str, path: Path) -> None:
    with pytest.raises(Unavailable, match=words):
        profile.find(job(device), path / "out")


def test_perf_records_the_worker(path: Path) -> None:
    perf = program(path, "perf")
    found = profile.find(job(), path / "out")
    assert found.prefix == (perf, "record", "-g", "-o", f"{path}/out.perf.data", "--")
    assert (found.name, found.file, found.opens) == ("perf", path / "out.perf.data", f"perf report -i {path}/out.perf.data")


def test_perf_that_may_not_watch_says_so_before_anything_runs(path: Path) -> None:
    program(path, "perf", "echo 'Access to performance monitoring is limited' >&2; exit 255")
    with pytest.raises(Unavailable, match=r"perf may not watch here: Access to .* is limited .*perf_event_paranoid=2"):
        profile.find(job(), path / "out")


def test_the_hottest_lines_are_perfs_own(path: Path) -> None:
    program(path, "perf", '[ "$1" = report ] && printf "# head\\n\\n  90.00%% triad \\n   5.00%% other\\n"; exit 0')
    assert profile.hottest(profile.find(job(), path / "out"), lines=1) == ["  90.00% triad"]


def test_nsys_records_a_gpu_and_ncu_goes_deeper(path: Path) -> None:
    nsys = program(path, "nsys")
    found = profile.find(job("cuda:0"), path / "out")
    assert found.prefix == (nsys, "profile", "-o", f"{path}/out")
    assert found.file == path / "out.nsys-rep"
    assert f"ncu --target-processes all -o {path}/out ngtbench run system/triad --size M --impl numpy" in found.more
    assert "throw those records away" in found.more
    assert profile.hottest(found) == []


def test_the_newer_rocprof_is_preferred(path: Path) -> None:
    old = program(path, "rocprof")
    found = profile.find(job("rocm:0"), path / "out")
    assert (found.name, found.prefix) == ("rocprof", (old, "--stats", "-o", f"{path}/out.rocprof.csv"))
    new = program(path, "rocprofv3")
    found = profile.find(job("rocm:0"), path / "out")
    assert (found.name, found.prefix[0], found.prefix[-1]) == ("rocprofv3", new, "--")
    assert os.fspath(found.file) in found.prefix
