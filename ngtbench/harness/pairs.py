"""One pair of launches of a benchmark, a side each, in an order drawn; what disturbed a launch throws it away."""

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import median
from typing import Literal

from ngtbench.errors import NgtBenchError
from ngtbench.harness.attempt import attempt
from ngtbench.harness.launch import Worker, WorkerDied
from ngtbench.harness.run import Ended, unfit
from ngtbench.harness.sides import Place
from ngtbench.harness.stopping import CLOCK
from ngtbench.model.case import Job
from ngtbench.model.gate import Decision, Pair, Rule, SideName
from ngtbench.model.record import Measurement, Outcome
from ngtbench.units import percent

NAMES: tuple[SideName, SideName] = ("baseline", "candidate")
FLOOR_S = 2e-6
FLOOR_OVERHEADS = 3.0
DISCARDS = 6  # launches thrown away, beyond which a benchmark is inconclusive

Keep = Callable[[SideName, Ended], None]


@dataclass(frozen=True)
class Asked:
    """What every launch of the gate shares; `slower` is a slowdown injected into the candidate, for the self-test."""

    seed: int
    budget_s: float
    timeout_s: float
    deadline_s: float  # on time.monotonic
    slower: float = 0.0


@dataclass
class Open:
    """A benchmark that is being judged."""

    key: str
    jobs: Mapping[SideName, Job]  # side -> job
    rule: Rule
    pairs: list[Pair] = field(default_factory=list)
    fresh: list[Pair] = field(default_factory=list)
    first: Decision | None = None  # the failure that fresh pairs must confirm
    discarded: list[str] = field(default_factory=list)
    coarse: float = 0.0  # longest step of a timer over a sample
    floor: float = 0.0
    notes: dict[str, None] = field(default_factory=dict)  # a set that keeps its order

    @property
    def series(self) -> list[Pair]:
        """The pairs that count now: after a first failure, fresh ones."""
        return self.pairs if self.first is None else self.fresh


class Stop(NgtBenchError):
    """A launch that ends the judging of its benchmark; the message says how."""

    def __init__(self, reason: str, status: Literal["error", "inconclusive"] = "error") -> None:
        super().__init__(reason)
        self.status = status


def take(one: Open, places: Mapping[SideName, Place], asked: Asked, chance: random.Random, keep: Keep) -> None:
    """Launch both sides once and add their pair; `keep` is given each launch that counts, with its side.

    Raises Stop where a side did not end well, or did other work than the other.
    """
    number = len(one.pairs) + len(one.fresh)
    first = chance.choice(NAMES)
    done: dict[SideName, Outcome] = {}
    for name in (first, NAMES[first == NAMES[0]]):
        done[name] = _launch(one, name, number, places[name], asked, keep)
    _same(one, done["baseline"], done["candidate"])
    rule = one.rule = settled(one.rule, done["candidate"])
    values = {name: _value(one, name, done[name].measurement) for name in NAMES}
    ratio = oriented(rule, values["baseline"], values["candidate"])
    one.series.append(Pair(first, values["baseline"], values["candidate"], ratio))


def settled(rule: Rule, outcome: Outcome) -> Rule:
    """Return the rule with metric and direction: the workload's figure of merit and its own direction, unless set."""
    metric = next((m for m in outcome.metrics if m.name == rule.metric), None) or outcome.metrics[0]
    return replace(rule, metric=rule.metric or metric.name, better=rule.better or metric.better)


def oriented(rule: Rule, baseline: float, candidate: float) -> float:
    """Return the log ratio of two positive values, above 0 if the candidate is worse."""
    return (1.0 if rule.better == "lower" else -1.0) * math.log(candidate / baseline)


def floor(rule: Rule, overhead_s: float) -> float:
    """Return the difference below which nothing fails, in the metric's unit."""
    if rule.floor is not None:
        return rule.floor
    return max(FLOOR_S, FLOOR_OVERHEADS * overhead_s) if (rule.metric or "").endswith("_s") else 0.0


def _same(one: Open, baseline: Outcome, candidate: Outcome) -> None:
    if baseline.work != candidate.work:
        raise Stop(f"the sides do other work under one case id ({baseline.work}; {candidate.work}): raise the workload's version")
    digests = {outcome.verdict.inputs_digest for outcome in (baseline, candidate) if outcome.verdict}
    if len(digests) > 1:
        one.notes["the inputs of the sides differ"] = None


def _launch(one: Open, name: SideName, number: int, at: Place, asked: Asked, keep: Keep) -> Outcome:
    """Return a launch of one side that is done and was not disturbed.

    Raises Stop where it is not done, or where too many were disturbed.
    """
    redone: list[str] = []
    job = replace(one.jobs[name], launch=number, seed=asked.seed + number, flush_b=None)
    slower = asked.slower if name == "candidate" else 0.0
    while True:
        ended = _once(job, name, at, asked, slower)
        outcome = ended.outcome
        disturbed = disturbance(outcome)
        if disturbed is not None and len(one.discarded) < DISCARDS:
            redone.append(disturbed)
            one.discarded.append(f"{name}, pair {number}: {disturbed}")
            continue
        keep(name, replace(ended, redone=tuple(redone)))
        if disturbed is not None:
            words = f"{len(one.discarded)} launches were disturbed and thrown away, and the next was too: {disturbed}"
            raise Stop(f"{words}, on the {name}'s side", "inconclusive")
        if outcome.status != "done" or outcome.measurement is None:
            raise Stop(f"{outcome.status} on the {name}'s side: {outcome.reason}")
        return outcome


def _once(job: Job, name: SideName, at: Place, asked: Asked, slower: float) -> Ended:
    """Run a job in a fresh worker of a side; a worker that dies is a failed outcome."""
    started_at, start = datetime.now(UTC).isoformat(timespec="milliseconds"), time.monotonic()
    started_s, worker = 0.0, None
    try:
        worker = Worker(job.resources.threads, job.resources.bind, python=at.python, package=at.package)
        started_s = time.monotonic() - start
        outcome = attempt(worker, job, budget_s=asked.budget_s, timeout_s=asked.timeout_s, slower=slower)
    except WorkerDied as error:
        outcome = Outcome("failed", reason=str(error))
    finally:
        if worker is not None:
            worker.close()
    return Ended(
        job=job,
        outcome=outcome,
        started_at=started_at,
        wall_s=time.monotonic() - start,
        environment=worker.environment if worker else {},
        worker=worker.package if worker else None,
        start_s=started_s,
    )


def disturbance(outcome: Outcome) -> str | None:
    """Return why a launch must be redone; None if it may count."""
    measured = outcome.measurement
    if outcome.status != "done" or measured is None:
        return None
    moved = measured.flags.get("clock_moved", 0.0)
    return unfit(outcome) or (f"the clock moved by {percent(moved)}" if abs(moved) > CLOCK else None)


def _value(one: Open, name: str, measured: Measurement | None) -> float:
    """Return the launch's median; note what limits its worth.

    Raises Stop where the metric has no samples, or samples that are no positive numbers.
    """
    assert measured is not None and one.rule.metric is not None  # _launch returns what is done, `settled` names a metric
    samples = measured.series.get(one.rule.metric, ())
    if not samples:
        raise Stop(f"the {name} has no samples of {one.rule.metric}: it has {', '.join(measured.series)}")
    if not all(math.isfinite(sample) and sample > 0 for sample in samples):
        raise Stop(f"the {name} has samples of {one.rule.metric} that are no positive numbers")
    one.coarse = max(one.coarse, measured.flags.get("timer_coarse", 0.0))
    one.floor = max(one.floor, floor(one.rule, measured.overhead_s))
    return median(samples)
