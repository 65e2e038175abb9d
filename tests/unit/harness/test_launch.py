"""Workers: what they are told, what they say, how they end."""

import os
import time
from pathlib import Path

import pytest

from ngtbench.harness.launch import THREAD_VARIABLES, Worker, WorkerDied, environment


def test_threads_and_binding_are_set_before_anything_loads() -> None:
    bound, free = environment(3, bind=True), environment(3, bind=False)
    assert {bound[name] for name in THREAD_VARIABLES} == {"3"}
    assert (bound["OMP_PROC_BIND"], bound["OMP_PLACES"]) == ("true", "cores")
    assert "OMP_PROC_BIND" not in free


def test_the_worker_has_the_environment_that_the_record_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    monkeypatch.setenv("GOMP_CPU_AFFINITY", "0")
    worker = Worker(1, bind=True)
    variables = dict(pair.split("=", 1) for pair in Path(f"/proc/{worker.pid}/environ").read_text().split("\0") if "=" in pair)
    worker.close()
    assert {name: variables[name] for name in worker.environment} == worker.environment
    assert variables["OMP_NUM_THREADS"] == "1"
    assert "GOMP_CPU_AFFINITY" not in variables


def test_caches_stay_out_of_a_home_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/none")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    worker = Worker(1, bind=False)
    variables = Path(f"/proc/{worker.pid}/environ").read_text()
    worker.close()
    assert "TORCHINDUCTOR_CACHE_DIR=/proc" not in variables
    assert "TORCHINDUCTOR_CACHE_DIR=/" in variables


def test_another_copy_of_the_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkerDied, match=f"wanted {tmp_path}"):
        Worker(1, bind=False, package=tmp_path)


def test_a_worker_that_does_not_start_is_explained(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'No module named ngtbench' >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(WorkerDied, match=r"exit code 1 while starting; it last said: No module named ngtbench"):
        Worker(1, bind=False, python=str(python))


def test_silence_is_limited_and_the_worker_is_gone() -> None:
    worker = Worker(1, bind=False)
    pid = worker.pid
    os.kill(pid, 19)  # SIGSTOP: alive, and silent
    with pytest.raises(WorkerDied, match=r"no answer within 0\.2 s while measure: killed"):
        worker.ask({"do": "measure", "budget_s": 1.0}, 0.2)
    assert not Path(f"/proc/{pid}").exists()


def test_closing_ends_the_whole_group() -> None:
    worker = Worker(1, bind=False)
    pid = worker.pid
    worker.close()
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.01)
    raise AssertionError("the worker outlived close")


@pytest.mark.parametrize("backend", ["numpy", "none of that name"])
def test_a_worker_is_warmed_before_its_first_case(backend: str) -> None:
    worker = Worker(1, bind=False)
    assert worker.ask({"do": "warm", "backend": backend, "device": "cpu:0"}, 60) == {"warm": True}
    case = {"workload": "system/triad", "version": 1, "size": "XS", "impl": "numpy", "dtype": "float64"}
    resources = {"device": "cpu:0", "threads": 1, "bind": False}
    prepare = {"do": "prepare", "case": case, "resources": resources, "seed": 1, "workloads": None}
    assert worker.ask(prepare, 60) == {"prepared": True}
    worker.close()


def test_measuring_before_preparing_is_a_failed_outcome() -> None:
    worker = Worker(1, bind=False)
    answer = worker.ask({"do": "measure", "budget_s": 1.0}, 20)
    worker.close()
    assert answer["outcome"]["status"] == "failed"
