"""Runs a plan: one case at a time in warm workers, one per backend, resources and launch; a dead one is replaced."""

import time
from collections.abc import Collection, Generator
from dataclasses import dataclass
from datetime import UTC, datetime

from ngtbench.harness.attempt import attempt
from ngtbench.harness.launch import Worker, WorkerDied
from ngtbench.model.case import Job, Plan, Skip
from ngtbench.model.record import Outcome


@dataclass(frozen=True)
class Ended:
    """A job, how it ended, and in what circumstances."""

    job: Job | Skip
    outcome: Outcome
    started_at: str
    wall_s: float
    environment: dict[str, str]
    worker: str | None


def outcomes(plan: Plan, *, timeout_s: float, done: Collection[str] = ()) -> Generator[Ended, None, None]:
    """Yield every job and skip of the plan that is not in `done` (record keys), as it ends.

    Workers end when the iterator is closed, however that happens.
    """
    for skip in plan.skipped:
        if skip.key not in done:
            outcome = Outcome("skipped", reason=skip.reason, remedy=skip.remedy or None)
            yield Ended(skip, outcome, _now(), 0.0, {}, None)
    pool: dict[tuple[str, str, int, bool], Worker] = {}
    launch = -1
    try:
        for job in plan.jobs:
            if job.key in done:
                continue
            if job.launch != launch:  # a launch is a fresh process
                _close(pool)
                launch = job.launch
            yield _run(job, plan, pool, timeout_s)
    except BaseException:  # an interrupt finds workers busy: they are not asked, but killed
        while pool:
            pool.popitem()[1].kill()
        raise
    finally:
        _close(pool)


def _run(job: Job, plan: Plan, pool: dict[tuple[str, str, int, bool], Worker], timeout_s: float) -> Ended:
    key = (job.backend, job.resources.device, job.resources.threads, job.resources.bind)
    started_at, start = _now(), time.monotonic()
    worker = None
    try:
        worker = pool.get(key) or Worker(job.resources.threads, job.resources.bind)
        pool[key] = worker
        outcome = attempt(
            worker, job, budget_s=plan.selection.budget_s, timeout_s=timeout_s, workloads=plan.selection.workload_dir
        )
        if outcome.status == "failed":
            pool.pop(key).close()  # a fault may outlive its case: a broken GPU context, memory not given back
    except WorkerDied as error:
        pool.pop(key, None)
        outcome = Outcome("failed", reason=str(error))
    return Ended(
        job=job,
        outcome=outcome,
        started_at=started_at,
        wall_s=time.monotonic() - start,
        environment=worker.environment if worker else {},
        worker=worker.package if worker else None,
    )


def _close(pool: dict[tuple[str, str, int, bool], Worker]) -> None:
    while pool:
        pool.popitem()[1].close()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
