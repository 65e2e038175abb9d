"""A plan is run in warm workers: dead ones are replaced, what was held back is done again, and the run goes on."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ngtbench.harness import ceiling, run
from ngtbench.harness.launch import WorkerDied
from ngtbench.harness.profile import Profiler
from ngtbench.harness.run import Ended, outcomes, unfit
from ngtbench.model.case import Job, Plan, Resources, Selection, Skip
from ngtbench.model.record import Health, Outcome
from tests.machines import gpu, machine
from tests.records import case, done, measurement

LOST = "CUDA error: an illegal memory access was encountered"
Says = Callable[[str], Any]  # implementation -> outcome, or what is raised


class FakeWorker:
    """Answers as `says` tells; keeps what befell it."""

    made: list["FakeWorker"]
    says: Says

    def __init__(self, threads: int, bind: bool, *, prefix: Any = ()) -> None:
        self.environment, self.package, self.prefix = {"OMP_NUM_THREADS": str(threads)}, "nowhere", prefix
        self.asked = list[str]()
        self.ended = ""
        self._impl = ""
        self.made.append(self)

    def ask(self, message: dict[str, Any], limit_s: float) -> dict[str, Any]:
        self.asked.append(message["do"])
        if message["do"] == "prepare":
            self._impl = message["case"]["impl"]
        if message["do"] != "measure":
            return {"prepared": True}
        said = type(self).says(self._impl)
        if isinstance(said, Exception):
            raise said
        return {"outcome": dataclasses.asdict(said)}

    def useless(self, reason: str) -> WorkerDied:
        return WorkerDied(reason)

    def close(self) -> None:
        self.ended = "closed"

    def kill(self) -> int:
        self.ended = "killed"
        return -9


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeWorker]]:
    made: list[FakeWorker] = []
    fake = type("Fake", (FakeWorker,), {"made": made, "says": lambda impl: done()})
    monkeypatch.setattr(run, "Worker", fake)
    yield made


def say(monkeypatch: pytest.MonkeyPatch, says: Says) -> None:
    monkeypatch.setattr("ngtbench.harness.run.Worker.says", staticmethod(says))


def job(impl: str = "numpy", launch: int = 0, device: str = "cpu:0", backend: str = "numpy") -> Job:
    return Job(case(impl=impl), Resources(device, 2, True), backend, "ported", launch, 1 + launch)


def ran(*jobs: Job, skipped: tuple[Skip, ...] = (), **more: Any) -> list[Ended]:
    return list(outcomes(Plan(Selection(), jobs, skipped, 1), machine(gpu()), timeout_s=9.0, **more))


def held_back(share: float) -> Outcome:
    taken = replace(measurement(), flags={"throttled": share}, after=Health(throttle=("heat",)))
    return replace(done(), measurement=taken)


def test_one_worker_serves_the_jobs_of_a_backend(workers: list[FakeWorker]) -> None:
    ended = ran(job("a"), job("b"), job("c", backend="torch"))
    assert [one.outcome.status for one in ended] == ["done"] * 3
    assert [worker.asked for worker in workers] == [["warm", *["prepare", "measure"] * 2], ["warm", "prepare", "measure"]]
    assert {worker.ended for worker in workers} == {"closed"}


def test_every_launch_is_a_fresh_process(workers: list[FakeWorker]) -> None:
    ended = ran(job(launch=0), job(launch=1), job(launch=2))
    assert len(workers) == len(ended) == 3


def test_a_gpu_that_vanishes_is_a_failed_record_and_the_run_goes_on(
    workers: list[FakeWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    vanished = Outcome("failed", reason=f"RuntimeError: {LOST} (triad_torch.py:12)")
    say(monkeypatch, lambda impl: vanished if impl == "b" else done())
    ended = ran(*(job(impl, device="cuda:0", backend="torch") for impl in "abc"), job("d"))
    assert [one.outcome.status for one in ended] == ["done", "failed", "done", "done"]
    assert LOST in (ended[1].outcome.reason or "")
    assert [worker.asked.count("measure") for worker in workers] == [2, 1, 1]  # a broken context is not used again


def test_a_worker_that_dies_is_a_failed_record_and_is_replaced(
    workers: list[FakeWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, lambda impl: WorkerDied("worker ended by signal 9 (SIGKILL)") if impl == "a" else done())
    ended = ran(job("a"), job("b"))
    assert [one.outcome.status for one in ended] == ["failed", "done"]
    assert ended[0].outcome.reason == "worker ended by signal 9 (SIGKILL)"
    assert len(workers) == 2


def test_a_worker_that_does_not_start_is_a_failed_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(threads: int, bind: bool, prefix: Any) -> None:
        raise WorkerDied("exit code 1 while starting")

    monkeypatch.setattr(run, "Worker", refuses)
    (ended,) = ran(job())
    assert (ended.outcome.status, ended.outcome.reason, ended.worker) == ("failed", "exit code 1 while starting", None)


def test_a_launch_that_was_held_back_is_done_again_in_a_fresh_worker(
    workers: list[FakeWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = iter([held_back(0.4), done()])
    say(monkeypatch, lambda impl: next(tries))
    (ended,) = ran(job())
    assert ended.outcome == done()
    assert ended.redone == ("throttled for 40 % of the window (heat)",)
    assert len(workers) == 2


def test_a_device_that_stays_held_back_is_recorded_so_after_three_tries(
    workers: list[FakeWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, lambda impl: held_back(0.4))
    (ended,) = ran(job())
    assert ended.outcome == held_back(0.4)
    assert len(ended.redone) == run.MAX_REDONE
    assert len(workers) == 1 + run.MAX_REDONE


def with_errors(before: int | None, after: int | None) -> Outcome:
    taken = replace(measurement(), before=Health(ecc_errors=before), after=Health(ecc_errors=after))
    return replace(done(), measurement=taken)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (done(), None),
        (held_back(0.04), None),
        (held_back(0.06), "throttled for 6 % of the window (heat)"),
        (with_errors(3, 3), None),
        (with_errors(None, 3), None),
        (with_errors(3, 5), "2 uncorrected memory errors (ECC) while it ran"),
        (replace(done(), measurement=replace(measurement(), flags={"timer_stepped": -0.2})), "the timer stepped by -20 %"),
        (Outcome("failed", reason="signal 9"), None),
        (replace(held_back(0.9), status="wrong"), None),
    ],
)
def test_what_is_unfit(outcome: Outcome, words: str | None) -> None:
    found = unfit(outcome)
    assert found is None if words is None else words in (found or "")


def test_what_is_done_is_not_done_again_and_skips_are_told_first(workers: list[FakeWorker]) -> None:
    skip = Skip(case(impl="cupy"), Resources("cuda:0", 2, False), "no GPU", "buy one")
    ended = ran(job("a"), job("b"), skipped=(skip,), done={job("a").key})
    assert [(one.job.case.impl, one.outcome.status) for one in ended] == [("cupy", "skipped"), ("b", "done")]
    assert (ended[0].outcome.reason, ended[0].outcome.remedy) == ("no GPU", "buy one")
    assert ran(skipped=(skip,), done={skip.key}) == []


def test_starting_a_worker_is_told_apart(workers: list[FakeWorker], monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(100))
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: float(next(now))))
    first, second = ran(job("a"), job("b"))
    assert first.start_s == second.start_s == 1.0  # a reading before, a reading after
    assert first.wall_s == 3.0


def test_workers_are_killed_when_the_run_is_interrupted(workers: list[FakeWorker], monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, lambda impl: done())
    going = outcomes(Plan(Selection(), (job("a"), job("b")), (), 1), machine(), timeout_s=9.0)
    next(going)
    with pytest.raises(KeyboardInterrupt):
        going.throw(KeyboardInterrupt)
    assert [worker.ended for worker in workers] == ["killed"]


def test_a_profiler_stands_before_every_worker_and_in_every_record(workers: list[FakeWorker]) -> None:
    profiler = Profiler("perf", ("perf", "record", "--"), Path("x"), "perf report")
    (ended,) = ran(job(), profiler=profiler)
    assert workers[0].prefix == profiler.prefix
    assert run.record(ended, machine(), "digest").provenance.profiler == "perf"


def test_no_outcome_escapes_the_data_sheet(workers: list[FakeWorker], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling, "sheets", lambda machine: {"cpu:0": object()})
    monkeypatch.setattr(ceiling, "excess", lambda outcome, job, device, sheet: f"too fast on {device.id}")
    (ended,) = ran(job())
    assert (ended.outcome.status, ended.outcome.reason) == ("failed", "too fast on cpu:0")


def test_the_record_tells_all_that_the_run_knows(workers: list[FakeWorker]) -> None:
    (ended,) = ran(job(launch=2))
    line = run.record(ended, machine(), "abcd")
    assert (line.case, line.launch, line.seed, line.machine) == (case(), 2, 3, "abcd")
    provenance = line.provenance
    assert (provenance.environment, provenance.worker, provenance.redone) == ({"OMP_NUM_THREADS": "2"}, "nowhere", ())
    assert (provenance.wall_s, provenance.start_s) == (ended.wall_s, ended.start_s)
