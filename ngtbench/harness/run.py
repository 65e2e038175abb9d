"""Runs a plan: one case at a time in warm workers; a dead one is replaced, a launch that was held back is done again."""

import time
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ngtbench import __version__
from ngtbench.harness import ceiling
from ngtbench.harness.attempt import attempt
from ngtbench.harness.launch import START_LIMIT_S, Worker, WorkerDied
from ngtbench.harness.profile import Profiler
from ngtbench.model.case import Job, Plan, Selection, Skip
from ngtbench.model.machine import Machine
from ngtbench.model.record import Outcome, Provenance, RunRecord
from ngtbench.units import percent

MAX_REDONE = 2
THROTTLED = 0.05  # share of the window above which a launch is thrown away


@dataclass(frozen=True)
class Ended:
    """A job, how it ended, and in what circumstances."""

    job: Job | Skip
    outcome: Outcome
    started_at: str
    wall_s: float
    environment: dict[str, str]
    worker: str | None
    start_s: float = 0.0  # of wall_s: starting and warming the worker
    redone: tuple[str, ...] = ()
    profiler: str | None = None


def record(ended: Ended, machine: Machine, digest: str, batch: str | None = None) -> RunRecord:
    """Return the line that tells of a job that ended; `batch` names the batch job, or run of the suite, that it was part of."""
    job = ended.job
    provenance = Provenance(
        started_at=ended.started_at,
        wall_s=ended.wall_s,
        suite=__version__,
        commit=machine.git.commit,
        dirty=machine.git.dirty,
        tier=job.tier,
        environment=ended.environment,
        worker=ended.worker,
        redone=ended.redone,
        profiler=ended.profiler,
        start_s=ended.start_s,
        job=batch,
    )
    return RunRecord(job.case, job.resources, job.launch, job.seed, digest, ended.outcome, provenance)


def outcomes(
    plan: Plan, machine: Machine, *, timeout_s: float, done: Collection[str] = (), profiler: Profiler | None = None
) -> Generator[Ended, None, None]:
    """Yield every job and skip of the plan that is not in `done` (record keys), as it ends.

    Workers end when the iterator is closed, however that happens. Raises ProfileError where a hardware file is faulty.
    """
    for skip in plan.skipped:
        if skip.key not in done:
            outcome = Outcome("skipped", reason=skip.reason, remedy=skip.remedy or None)
            yield Ended(skip, outcome, _now(), 0.0, {}, None)
    held = ceiling.of(machine)
    pool = Pool(profiler.prefix if profiler else ())
    launch = -1
    try:
        for job in plan.jobs:
            if job.key in done:
                continue
            if job.launch != launch:  # a launch is a fresh process
                pool.close()
                launch = job.launch
            ended = _run(job, plan.selection, pool, timeout_s)
            yield replace(ended, outcome=held(job, ended.outcome), profiler=profiler.name if profiler else None)
    except BaseException:  # an interrupt finds workers busy: they are not asked, but killed
        pool.kill()
        raise
    finally:
        pool.close()


class Pool:
    """The warm workers of a launch, one per backend and resources."""

    def __init__(self, prefix: Sequence[str] = ()) -> None:
        self._prefix = prefix
        self._workers: dict[tuple[str, str, int, bool], Worker] = {}

    def worker(self, job: Job) -> Worker:
        """Return the job's worker; where there is none, one is started and warmed.

        Raises WorkerDied where it does not start.
        """
        key = _key(job)
        if key not in self._workers:
            started = Worker(job.resources.threads, job.resources.bind, prefix=self._prefix)
            warm = {"do": "warm", "backend": job.backend, "device": job.resources.device}
            started.ask(warm, START_LIMIT_S)
            self._workers[key] = started
        return self._workers[key]

    def forget(self, job: Job) -> Worker | None:
        """Return the job's worker, no longer of this pool."""
        return self._workers.pop(_key(job), None)

    def close(self) -> None:
        """End every worker politely."""
        while self._workers:
            self._workers.popitem()[1].close()

    def kill(self) -> None:
        """End every worker by force."""
        while self._workers:
            self._workers.popitem()[1].kill()


def unfit(outcome: Outcome) -> str | None:
    """Return why a launch must be done again: the device was held back, or its memory failed, while it was measured."""
    measured = outcome.measurement
    if outcome.status != "done" or measured is None:
        return None
    throttled = measured.flags.get("throttled", 0.0)
    if throttled > THROTTLED:
        reasons = dict.fromkeys((*(measured.before.throttle or ()), *(measured.after.throttle or ())))
        return f"throttled for {percent(throttled)} of the window" + (f" ({', '.join(reasons)})" if reasons else "")
    stepped = measured.flags.get("timer_stepped")
    if stepped is not None:
        return f"the timer stepped by {percent(stepped)} of the window"
    before, after = measured.before.ecc_errors, measured.after.ecc_errors
    if before is not None and after is not None and after > before:
        return f"{after - before} uncorrected memory errors (ECC) while it ran"
    return None


def _run(job: Job, selection: Selection, pool: Pool, timeout_s: float) -> Ended:
    """Run a job; what was unfit to be measured is thrown away and done again in a fresh worker, at most twice."""
    started_at, start = _now(), time.monotonic()
    redone: list[str] = []
    start_s = 0.0
    while True:
        worker, outcome, spent_s = _try(job, selection, pool, timeout_s)
        start_s += spent_s
        reason = unfit(outcome)
        if reason is None or len(redone) == MAX_REDONE:
            break
        redone.append(reason)
        if unfit_worker := pool.forget(job):
            unfit_worker.close()
    return Ended(
        job=job,
        outcome=outcome,
        started_at=started_at,
        wall_s=time.monotonic() - start,
        environment=worker.environment if worker else {},
        worker=worker.package if worker else None,
        start_s=start_s,
        redone=tuple(redone),
    )


def _try(job: Job, selection: Selection, pool: Pool, timeout_s: float) -> tuple[Worker | None, Outcome, float]:
    """Return the worker, how the job ended in it, and the seconds that starting the worker took."""
    start = time.monotonic()
    try:
        worker = pool.worker(job)
    except WorkerDied as error:
        return None, Outcome("failed", reason=str(error)), time.monotonic() - start
    start_s = time.monotonic() - start
    try:
        outcome = attempt(worker, job, budget_s=selection.budget_s, timeout_s=timeout_s, workloads=selection.workload_dir)
        if outcome.status == "failed":  # a fault may outlive its case: a broken GPU context, memory not given back
            pool.forget(job)
            worker.close()
    except WorkerDied as error:
        pool.forget(job)
        outcome = Outcome("failed", reason=str(error))
    return worker, outcome, start_s


def _key(job: Job) -> tuple[str, str, int, bool]:
    return job.backend, job.resources.device, job.resources.threads, job.resources.bind


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
