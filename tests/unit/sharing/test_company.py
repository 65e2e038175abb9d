"""Clients of a device as processes and as threads: started, judged, named when they die, and ended with who started them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.discover.source import Source
from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.harness import clients as company
from ngtbench.harness.clients import Company
from ngtbench.harness.launch import Worker
from ngtbench.harness.prepare import Prepared, Stopwatch, prepare
from ngtbench.harness.serve import ClientFailed, _resident_b, serve
from ngtbench.harness.worker import _prepare, _serve
from ngtbench.kernels.sharing import rates
from ngtbench.model.case import Case, Resources, plain
from ngtbench.model.record import Verdict
from ngtbench.model.sharing import Program, Served
from ngtbench.model.workload import Trial

TRIAD = Case("system/triad", workloads.load("system/triad").version, "XS", "numpy", "float32")
GRAPH = Case("scheduling/event_graph", workloads.load("scheduling/event_graph").version, "XS", "serial", "float64")


def started(*cases: Case, together: bool = False, threads: int = 2) -> Company:
    return Company([Program(case, 1) for case in cases], together, device="cpu:0", seed=1, threads=threads)


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


def test_a_trial_lasts_as_long_as_its_watch_is_open() -> None:
    ready = prepare(GRAPH, Resources("cpu:0", 1, False), 1)

    def run(k: int, watch: Stopwatch) -> Trial:
        time.sleep(0.02)
        trial: Trial = ready.run(k, watch)
        time.sleep(0.02)
        return trial

    (served,) = serve([replace(ready, run=run)], 0.01)
    begin_s, end_s = (1e-9 * np.array(served[name]) for name in ("begin_ns", "end_ns"))
    assert np.all(begin_s[1:] - end_s[:-1] > 0.04)
    with pytest.raises(ClientFailed) as caught:
        serve([replace(ready, run=lambda k, watch: ready.run(k, Stopwatch(ready.backend)))], 0.01)
    assert "never opened its watch" in str(caught.value.__cause__)


def test_calls_follow_one_another() -> None:
    (served,) = serve([prepare(TRIAD, Resources("cpu:0", 1, False), 1)], 0.01)
    assert served["begin_ns"][1:] == served["end_ns"][:-1]


def test_memory_is_read_of_every_mapping_where_the_kernel_has_no_sum(tmp_path: Path) -> None:
    mapping = (
        "00400000-00452000 r-xp 00000000 08:02 17 /usr/bin/a\nRss: 8 kB\nShared_Clean: {} kB\nShared_Dirty: 1 kB\nVmFlags: rd\n"
    )
    assert _resident_b(tmp_path) == (0, 0)
    (tmp_path / "smaps").write_text(mapping.format(2) + mapping.format(4))
    assert _resident_b(tmp_path) == (16 << 10, 8 << 10)
    (tmp_path / "smaps_rollup").write_text("0-1 ---p 0 0 0 [rollup]\nRss: 9 kB\nShared_Clean: 3 kB\nShared_Dirty: 0 kB\n")
    assert _resident_b(tmp_path) == (9 << 10, 3 << 10)


def test_of_clients_in_one_process_the_one_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = started(TRIAD, GRAPH, together=True)
    answer = {"outcome": {"reason": "as asked"}, "client": 1}
    monkeypatch.setattr(clients._workers[0], "answer", lambda limit_s, step: answer)
    with pytest.raises(NgtBenchError, match=r"client 2 of 2, scheduling/event_graph.*as asked"):
        clients.serve([0, 1], 0.01)

    def bad() -> object:
        raise ValueError("as asked")

    ready = prepare(TRIAD, Resources("cpu:0", 1, False), 1)
    said = _serve([ready, replace(ready, run=bad)], {"who": [0, 1], "window_s": 0.01})
    assert said["client"] == 1
    assert said["outcome"]["reason"].startswith("ValueError: as asked (")


def test_clients_keep_to_the_processors_of_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    for threads in (1, 2):
        clients = started(TRIAD, TRIAD, threads=threads)
        kept = [os.sched_getaffinity(pid) for pid in pids(clients)]
        assert kept[0] == kept[1] == company.processors(threads)
        assert len(kept[0]) == min(threads, len(os.sched_getaffinity(0)))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    siblings = {0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"}
    monkeypatch.setattr(Source, "optional", lambda self, name: siblings[int(name.split("cpu")[2].split("/")[0])])
    assert [company.processors(count) for count in (1, 2, 3, 9)] == [{0}, {0, 2}, {0, 1, 2}, {0, 1, 2, 3}]


def test_each_client_has_inputs_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[dict[str, Any]]()
    tells = Worker.tell

    def noted(self: Worker, message: dict[str, Any]) -> None:
        told.append(message)
        tells(self, message)

    monkeypatch.setattr(Worker, "tell", noted)
    started(TRIAD, TRIAD, together=True).close()
    assert [(one["seed"], one["unwatched"]) for one in told] == [(1, True), (2, True)]


def test_clients_are_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(device: str) -> object:
        raise AssertionError("a client waited for a device at rest")

    monkeypatch.setattr("ngtbench.harness.probes.open_probe", opened)
    asked = {
        "do": "prepare",
        "case": plain(TRIAD),
        "resources": plain(Resources("cpu:0", 1, False)),
        "seed": 1,
        "workloads": None,
    }
    assert "outcome" in _prepare(asked, [], {})
    assert _prepare(asked | {"unwatched": True}, [], {}) == {"prepared": True}


def test_a_program_that_cannot_run_is_unavailable_and_a_faulty_one_is_named() -> None:
    with pytest.raises(Unavailable, match=r"system/triad@\d+/XS/torch/float32: .*CUDA"):
        Company([Program(replace(TRIAD, impl="torch"), 1)], False, device="cuda:7", seed=1, threads=1)
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
