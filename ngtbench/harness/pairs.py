"""One pair of launches of a benchmark, a side each, in an order drawn; what disturbed a launch throws it away."""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
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
DISCARDS = 6  # launches thrown away, and
DISCARDED_SHARE = 0.2  # of all, beyond both of which a benchmark is inconclusive
SEEN = (
    "shared_device",
    "swapping",
    "other_streams",
    "power_capped",
    "clock_moved",
    "not_converged",
)  # flags told beside a verdict

Keep = Callable[[SideName, Ended], None]


@dataclass(frozen=True)
class Asked:
    """What every launch of the gate shares; `slower` is a slowdown injected into the candidate, for the self-test."""

    seed: int
    budget_s: float
    timeout_s: float
    deadline_s: float  # on time.monotonic
    slower: float = 0.0
    ceiling: Callable[[Job, Outcome], Outcome] = lambda job, outcome: outcome  # what exceeds a data sheet is an error


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
    overheads_s: list[float] = field(default_factory=list)  # of an empty call, per launch
    flags: dict[str, float] = field(default_factory=dict)  # the largest figure of each

    @property
    def floor(self) -> float:
        """The difference below which nothing fails, in the metric's unit."""
        return floor(self.rule, self.overheads_s)

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


def floor(rule: Rule, overheads_s: Sequence[float]) -> float:
    """Return the difference below which nothing fails, in the metric's unit; by default times per call have one."""
    if rule.floor is not None:
        return rule.floor
    return max(FLOOR_S, FLOOR_OVERHEADS * median(overheads_s or [0.0])) if rule.metric == "wall_s" else 0.0


def _same(one: Open, baseline: Outcome, candidate: Outcome) -> None:
    """Raise Stop where the sides did not solve one problem, or were not judged by one measure."""
    both = (baseline, candidate)
    verdicts = [outcome.verdict for outcome in both if outcome.verdict]
    for what, differing in (
        ("do other work", {outcome.work for outcome in both}),
        ("have other inputs", {verdict.inputs_digest for verdict in verdicts}),
        ("are checked otherwise", {(verdict.check, verdict.tolerance) for verdict in verdicts}),
    ):
        if len(differing) > 1:
            raise Stop(f"the sides {what} under one case id: raise the workload's version")


def _launch(one: Open, name: SideName, number: int, at: Place, asked: Asked, keep: Keep) -> Outcome:
    """Return a launch of one side that is done and was not disturbed.

    Raises Stop where it is not done, or where too many were disturbed.
    """
    redone: list[str] = []
    flush_b = one.jobs[name].flush_b if one.rule.metric == "cold_s" else None
    job = replace(one.jobs[name], launch=number, seed=asked.seed + number, flush_b=flush_b)
    slower = asked.slower if name == "candidate" else 0.0
    while True:
        ended = _once(job, name, at, asked, slower)
        outcome = ended.outcome
        disturbed = disturbance(job.resources.device, outcome)
        if disturbed is not None and len(one.discarded) < max(DISCARDS, DISCARDED_SHARE * 2 * number):
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
        given = job.resources
        worker = Worker(given.threads, given.bind, python=at.python, package=at.package, own_path=at.own_path)
        started_s = time.monotonic() - start
        outcome = attempt(worker, job, budget_s=asked.budget_s, timeout_s=asked.timeout_s, slower=slower)
        outcome = asked.ceiling(job, outcome)
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


def disturbance(device: str, outcome: Outcome) -> str | None:
    """Return why a launch must be redone; None if it may count.

    On a GPU also strangers, and a clock that moved, unless a power limit moved it, as it will again. Processors change their
    clocks all the time, and are shared with every daemon: their share is told, and is part of the noise.
    """
    measured = outcome.measurement
    if outcome.status != "done" or measured is None:
        return None
    moved, shared = measured.flags.get("clock_moved", 0.0), measured.flags.get("shared_device", 0.0)
    if device.startswith("cpu"):
        return unfit(outcome)
    if shared:
        return f"others used {percent(shared)} of the device"
    by_itself = abs(moved) > CLOCK and "power_capped" not in measured.flags
    return unfit(outcome) or (f"the clock moved by {percent(moved)}" if by_itself else None)


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
    one.overheads_s.append(measured.overhead_s)
    for flag in SEEN:
        if flag in measured.flags:
            one.flags[flag] = max(one.flags.get(flag, 0.0), measured.flags[flag], key=abs)
    return median(samples)
