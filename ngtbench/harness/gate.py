"""Interleaves launches of two sides, pair by pair, until every benchmark is decided; `analysis.gate.decide` decides."""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import median
from typing import Literal

from ngtbench.analysis import gate
from ngtbench.errors import NgtBenchError
from ngtbench.harness.attempt import attempt
from ngtbench.harness.launch import Worker, WorkerDied
from ngtbench.harness.run import Ended
from ngtbench.harness.sides import Listed, Place
from ngtbench.model.case import Job
from ngtbench.model.gate import Decision, Judged, Modes, Pair, Rule
from ngtbench.model.record import Measurement, Outcome

NAMES = ("baseline", "candidate")
FLOOR_S = 2e-6
FLOOR_OVERHEADS = 3.0
DISCARDS = 6  # launches thrown away, beyond which a benchmark is inconclusive
DISTURBED = {"throttled": 0.05, "clock_moved": 0.05}  # flag -> figure from which a launch is redone

SideName = Literal["baseline", "candidate"]


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
    jobs: Mapping[str, Job]  # side -> job
    rule: Rule
    pairs: list[Pair] = field(default_factory=list)
    fresh: list[Pair] = field(default_factory=list)
    first: Decision | None = None  # the failure that fresh pairs must confirm
    discarded: list[str] = field(default_factory=list)
    coarse: float = 0.0
    floor: float = 0.0

    @property
    def confirming(self) -> bool:
        """Tell whether a first series has failed already."""
        return self.first is not None


class Stop(NgtBenchError):
    """A launch that ends the judging of its benchmark; the message says how."""

    def __init__(self, reason: str, status: Literal["error", "inconclusive"] = "error") -> None:
        super().__init__(reason)
        self.status = status


def judge(
    places: Mapping[str, Place],
    listings: Mapping[str, Listed],
    rules: Mapping[str, Rule],
    asked: Asked,
    keep: Callable[[str, Ended], None],
    tell: Callable[[str, Decision], None] = lambda key, decision: None,
) -> Iterator[Judged]:
    """Yield a verdict per benchmark of `rules` ("case on device" -> rule) as it falls.

    `keep` is given each launch that counts, with its side; `tell` the state after each pair.
    """
    still: list[Open] = []
    for key, rule in rules.items():
        unable = _unable(key, listings)
        if unable is not None:
            yield replace(unable, rule=rule)
        else:
            still.append(Open(key, {name: listings[name].jobs[key] for name in NAMES}, rule))
    chance = random.Random(asked.seed)
    while still:
        chance.shuffle(still)
        for one in list(still):
            try:
                decision = _pair(one, places, asked, chance, keep)
            except Stop as stop:
                still.remove(one)
                yield _ended(one, stop.status, str(stop))
                continue
            tell(one.key, decision)
            verdict = _verdict(one, decision)
            if verdict is None and time.monotonic() > asked.deadline_s:
                verdict = _ended(one, "inconclusive", f"the time limit came after {decision.pairs} pairs", decision)
            if verdict is not None:
                still.remove(one)
                yield verdict


def _unable(key: str, listings: Mapping[str, Listed]) -> Judged | None:
    """Return the verdict on a benchmark that not both sides can run."""
    said = {}
    for name in NAMES:
        skip = listings[name].skipped.get(key)
        if key not in listings[name].jobs:
            said[name] = f"skipped: {skip.reason}" if skip else "missing"
    if not said:
        return None
    some = next(one for name in NAMES for one in (listings[name].jobs.get(key), listings[name].skipped.get(key)) if one)
    words = "; ".join(f"{reason} on the {name}'s side" for name, reason in said.items())
    both = all(key in listings[name].skipped for name in NAMES)
    judged = Judged(some.case.id, some.resources.device, some.resources.threads, "skipped" if both else "error", words, Rule())
    if both:
        return replace(judged, reason=f"skipped on both sides: {listings['candidate'].skipped[key].reason}")
    return judged


def _pair(
    one: Open,
    places: Mapping[str, Place],
    asked: Asked,
    chance: random.Random,
    keep: Callable[[str, Ended], None],
) -> Decision:
    """Launch both sides once, in an order drawn; return what all pairs of this series say."""
    number = len(one.pairs) + len(one.fresh)
    first = chance.choice(NAMES)
    values: dict[str, float] = {}
    for name in (first, NAMES[first == NAMES[0]]):
        outcome = _launch(one, name, number, places[name], asked, keep)
        metric = next((m for m in outcome.metrics if m.name == one.rule.metric), None) or outcome.metrics[0]
        one.rule = replace(one.rule, metric=one.rule.metric or metric.name, better=one.rule.better or metric.better)
        assert outcome.measurement is not None  # _launch returns what is done
        values[name] = _value(one, name, outcome.measurement)
    sign = 1.0 if one.rule.better == "lower" else -1.0
    ratio = sign * math.log(values["candidate"] / values["baseline"])
    pair = Pair("baseline" if first == "baseline" else "candidate", values["baseline"], values["candidate"], ratio)
    series = one.fresh if one.confirming else one.pairs
    series.append(pair)
    return gate.decide([p.log_ratio for p in series], tolerance=one.rule.tolerance, max_pairs=one.rule.max_pairs)


def _launch(one: Open, name: str, number: int, at: Place, asked: Asked, keep: Callable[[str, Ended], None]) -> Outcome:
    """Return a launch of one side that is done and was not disturbed.

    Raises Stop where it is not done, or where too many were disturbed.
    """
    redone: list[str] = []
    while True:
        job = replace(one.jobs[name], launch=number, seed=asked.seed + number, flush_b=None)
        started_at, start = datetime.now(UTC).isoformat(timespec="milliseconds"), time.monotonic()
        worker = None
        try:
            worker = Worker(job.resources.threads, job.resources.bind, python=at.python, package=at.package)
            started_s = time.monotonic() - start
            slower = asked.slower if name == "candidate" else 0.0
            outcome = attempt(worker, job, budget_s=asked.budget_s, timeout_s=asked.timeout_s, slower=slower)
        except WorkerDied as error:
            raise Stop(f"the {name} failed: {error}") from error
        finally:
            if worker is not None:
                worker.close()
        ended = Ended(
            job=job,
            outcome=outcome,
            started_at=started_at,
            wall_s=time.monotonic() - start,
            environment=worker.environment,
            worker=worker.package,
            start_s=started_s,
            redone=tuple(redone),
        )
        if outcome.status != "done" or outcome.measurement is None:
            keep(name, ended)
            raise Stop(f"the {name} is {outcome.status}: {outcome.reason}")
        disturbed = disturbance(outcome.measurement)
        if disturbed is None:
            keep(name, ended)
            return outcome
        redone.append(disturbed)
        one.discarded.append(f"{name}, pair {number}: {disturbed}")
        if len(one.discarded) > DISCARDS:
            keep(name, ended)
            words = f"{len(one.discarded)} launches were disturbed and thrown away, the last of the {name}: {disturbed}"
            raise Stop(words, "inconclusive")


def disturbance(measured: Measurement) -> str | None:
    """Return why a launch must be redone; None if it may count."""
    for flag, most in DISTURBED.items():
        if abs(measured.flags.get(flag, 0.0)) > most:
            return f"{flag} {measured.flags[flag]:.2g}"
    before, after = measured.before.ecc_errors, measured.after.ecc_errors
    if before is not None and after is not None and after > before:
        return f"{after - before} uncorrected memory errors"
    return None


def _value(one: Open, name: str, measured: Measurement) -> float:
    """Return the launch's median; note what limits its worth.

    Raises Stop where the metric has no samples, or samples that are no positive numbers.
    """
    assert one.rule.metric is not None
    samples = measured.series.get(one.rule.metric, ())
    if not samples:
        raise Stop(f"the {name} has no samples of {one.rule.metric}: it has {', '.join(measured.series)}")
    if not all(math.isfinite(sample) and sample > 0 for sample in samples):
        raise Stop(f"the {name} has samples of {one.rule.metric} that are no positive numbers")
    one.coarse = max(one.coarse, measured.flags.get("timer_coarse", 0.0))
    default = max(FLOOR_S, FLOOR_OVERHEADS * measured.overhead_s) if one.rule.metric.endswith("_s") else 0.0
    one.floor = default if one.rule.floor is None else one.rule.floor
    return median(samples)


def _verdict(one: Open, decision: Decision) -> Judged | None:
    """Return the verdict if the pairs there are allow one."""
    if decision.state == "continue":
        return None
    if decision.state == "pass" and not one.confirming:
        return _ended(one, "pass", decision.reason, decision)
    if one.coarse:
        reason = f"the timer is too coarse: one step is {one.coarse:.2g} of a sample"
        return _ended(one, "inconclusive", reason, decision)
    if decision.state == "fail":
        gained = abs(median(p.candidate for p in one.pairs) - median(p.baseline for p in one.pairs))
        if gained < one.floor:
            return _ended(one, "pass", f"worse, but by {gained:.2g}, which is below the floor of {one.floor:.2g}", decision)
        if not one.confirming:
            one.first = decision
            return None
        return _ended(one, "fail", f"{decision.reason}; confirmed on fresh pairs", decision)
    if one.confirming:
        return _ended(one, "inconclusive", f"failed at first, but {len(one.fresh)} fresh pairs do not confirm it", decision)
    return _ended(one, "inconclusive", decision.reason, decision)


def _ended(
    one: Open, status: Literal["pass", "fail", "inconclusive", "error"], reason: str, last: Decision | None = None
) -> Judged:
    job = one.jobs["candidate"]
    return conclude(
        Judged(
            case=job.case.id,
            device=job.resources.device,
            threads=job.resources.threads,
            status=status,
            reason=reason,
            rule=one.rule,
            metric=one.rule.metric,
            decision=one.first or last,
            confirmation=last if one.confirming and one.fresh else None,
            pairs=tuple(one.pairs),
            fresh_pairs=tuple(one.fresh),
            discarded=tuple(one.discarded),
        )
    )


def conclude(judged: Judged) -> Judged:
    """Add what all pairs show beside the verdict: two groups of launches, and the fastest launches as a second opinion."""
    pairs = (*judged.pairs, *judged.fresh_pairs)
    if not pairs:
        return judged
    sides = {"baseline": [p.baseline for p in pairs], "candidate": [p.candidate for p in pairs]}
    found = {name: gate.modes(values, judged.rule.tolerance) for name, values in sides.items()}
    modes: dict[str, Modes] = {name: groups for name, groups in found.items() if groups is not None}
    if judged.rule.better == "higher":
        ratio = max(sides["baseline"]) / max(sides["candidate"])
    else:
        ratio = min(sides["candidate"]) / min(sides["baseline"])
    notes = tuple(f"launches of the {name} fall into two groups: the mix of groups alone is no change" for name in modes)
    return replace(judged, modes=modes, fastest_ratio=ratio, notes=(*judged.notes, *notes))


def exit_code(cases: Sequence[Judged]) -> int:
    """Return 2 where something could not be judged or nothing was, 1 for a regression, 3 inconclusive, 0 pass."""
    seen = {judged.status for judged in cases}
    if "error" in seen or not seen - {"skipped"}:
        return 2
    return 1 if "fail" in seen else 3 if "inconclusive" in seen else 0
