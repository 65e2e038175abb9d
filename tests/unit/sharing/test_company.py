"""Clients of a device as processes and as threads: started, judged, named when they die, and ended with who started them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.harness import clients as company
from ngtbench.harness.clients import Company
from ngtbench.harness.prepare import Prepared, Stopwatch, prepare
from ngtbench.harness.serve import serve
from ngtbench.kernels.sharing import rates
from ngtbench.model.case import Case, Resources
from ngtbench.model.record import Verdict
from ngtbench.model.sharing import Program, Served

TRIAD = Case("system/triad", workloads.load("system/triad").version, "XS", "numpy", "float32")
GRAPH = Case("scheduling/event_graph", workloads.load("scheduling/event_graph").version, "XS", "serial", "float64")


def started(*cases: Case, together: bool = False) -> Company:
    return Company([Program(case, 1) for case in cases], together, device="cpu:0", seed=1)


def pids(clients: Company) -> list[int]:
    return [worker.pid for worker in clients._workers]


def gone(pid: int) -> bool:
    """Tell whether a process ends within ten seconds."""
    for _ in range(1000):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("together", [False, True])
def test_clients_run_at_the_same_time(together: bool) -> None:
    clients = started(TRIAD, TRIAD, together=together)
    assert len(pids(clients)) == (1 if together else 2)
    for window_s in (0.05, 0.1):
        served = clients.serve([0, 1], window_s)
        assert [one.wrong for one in served] == [None, None]
        start_s, stop_s = rates.window(served)
        assert stop_s - start_s > window_s / 2
        for one in served:
            assert one.events == 2**16
            assert one.memory_b > 1 << 20
            assert np.all(one.begin_s[1:] >= one.end_s[:-1])
            assert np.all(one.end_s > one.begin_s)
    assert len(clients.serve([1], 0.01)) == 1
    clients.close()


def test_trials_are_clients_too() -> None:
    (one,) = started(GRAPH).serve([0], 0.01)
    assert (one.wrong, one.events) == (None, 12)
    assert len(one.end_s) >= 2


def test_a_program_that_cannot_run_is_unavailable_and_a_faulty_one_is_named() -> None:
    with pytest.raises(Unavailable, match=r"system/triad@\d+/XS/torch/float32: .*CUDA"):
        Company([Program(replace(TRIAD, impl="torch"), 1)], False, device="cuda:7", seed=1)
    with pytest.raises(NgtBenchError, match=r"client 2 of 2, system/triad@\d+/XS/nobody/float32: failed: .*no implementation"):
        started(TRIAD, replace(TRIAD, impl="nobody"))


def test_a_client_that_is_killed_is_named_and_the_others_end() -> None:
    clients = started(TRIAD, TRIAD)
    first, second = pids(clients)
    os.kill(second, signal.SIGKILL)
    with pytest.raises(NgtBenchError, match=r"client 2 of 2, system/triad.*signal 9 \(SIGKILL\)"):
        clients.serve([0, 1], 0.05)
    assert gone(first)
    assert gone(second)


def test_a_client_that_stands_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = started(TRIAD, TRIAD)
    monkeypatch.setattr(company, "_LEAST_LIMIT_S", 0.5)
    first, second = pids(clients)
    os.kill(second, signal.SIGSTOP)
    with pytest.raises(NgtBenchError, match=r"client 2 of 2, .*no answer within"):
        clients.serve([0, 1], 0.02)
    assert gone(first)
    assert gone(second)


def test_clients_end_with_who_holds_them() -> None:
    clients = started(TRIAD)
    (pid,) = pids(clients)
    del clients
    assert gone(pid)


def test_clients_end_with_a_process_that_is_killed() -> None:
    code = (
        "from tests.unit.sharing.test_company import *\n"
        "clients = started(TRIAD, TRIAD)\nprint(*pids(clients), flush=True)\nclients.serve([0, 1], 60.0)\n"
    )
    root = str(Path(__file__).parents[3])
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root) as parent:
        assert parent.stdout is not None
        orphans = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(orphans) == 2
        parent.kill()
    assert all(gone(pid) for pid in orphans)


def spoilt(ready: Prepared) -> Prepared:
    """Return the case, whose outputs go wrong once it is under load."""

    def run() -> object:
        outputs = ready.run()
        outputs["a"][0] += 1
        return outputs

    return replace(ready, run=run)


def test_what_is_wrong_under_load_is_said_and_the_last_answer_does_not_pass_again() -> None:
    ready = prepare(TRIAD, Resources("cpu:0", 1, False), 1)
    right, wrong = serve([ready, spoilt(prepare(TRIAD, Resources("cpu:0", 1, False), 1))], 0.01)
    assert right["wrong"] is None
    assert wrong["wrong"]
    kept = ready.run()
    assert serve([replace(ready, run=lambda: kept)], 0.01)[0]["wrong"] is None
    assert serve([replace(ready, run=lambda: kept)], 0.01)[0]["wrong"]


@pytest.mark.parametrize("workload", ["sharing/clients", "sharing/interference"])
def test_a_client_that_is_wrong_voids_the_trial(workload: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(workload, 1, "XS", "processes", "float32")
    ready = prepare(case, Resources("cpu:0", 2, False), 5)
    assert ready.verdict.passed
    serves = Company.serve

    def second_wrong(self: Company, who: Sequence[int], window_s: float) -> list[Served]:
        served = zip(who, serves(self, who, window_s), strict=True)
        return [replace(one, wrong="as asked") if client == 1 else one for client, one in served]

    monkeypatch.setattr(Company, "serve", second_wrong)
    verdict: Verdict = ready.check(ready.run(1, Stopwatch(ready.backend)).outputs)
    assert not verdict.passed
    assert "answers" in str(verdict.worst)
