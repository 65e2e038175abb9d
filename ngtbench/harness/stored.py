"""The gate on stored records of one machine: launches paired in their order, which no one interleaved; the weaker test."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

from ngtbench.analysis import gate
from ngtbench.analysis.doubts import fault
from ngtbench.analysis.results import identity
from ngtbench.errors import BadInput, Incomparable
from ngtbench.harness.gate import COARSE, below_floor, blind, conclude
from ngtbench.harness.pairs import disturbance, floor, oriented, settled
from ngtbench.model.gate import Judged, Pair, Rule, SideName
from ngtbench.model.machine import Machine
from ngtbench.model.record import RunRecord
from ngtbench.store.read import Reading
from ngtbench.units import percent

WEAKER = (
    "stored records: the launches were not interleaved, so whatever changed on the machine between the two runs counts as a "
    "change of the code; a failure here is a reason to gate the two revisions, not a proof"
)


def machine(baseline: Reading, candidate: Reading) -> Machine:
    """Return the one machine both files are of.

    Raises Incomparable where there are two, BadInput where a file describes none.
    """
    found = [one for reading in (baseline, candidate) for one in reading.machines.values()]
    for reading in (baseline, candidate):
        if not reading.machines:
            raise BadInput(f"{reading.path}: describes no machine: is it the file that ngtbench run wrote?")
    if len({identity(one) for one in found}) > 1:
        names = ", ".join(dict.fromkeys(f"{one.host.hostname} ({one.cpu.name or 'unknown CPU'})" for one in found))
        raise Incomparable(
            f"{baseline.path} and {candidate.path} are not of one machine: {names}: a gate compares code, not machines"
        )
    return found[-1]


def judge(baseline: Reading, candidate: Reading, rules: Mapping[str, Rule]) -> Iterator[Judged]:
    """Yield a verdict per benchmark of `rules` ("case on device" -> rule)."""
    sides: dict[SideName, dict[str, list[RunRecord]]]
    sides = {"baseline": launches(baseline), "candidate": launches(candidate)}
    for key, rule in rules.items():
        groups = {name: found.get(key, []) for name, found in sides.items()}
        some = next(iter((*groups["candidate"], *groups["baseline"])), None)
        if some is None:
            case, _, device = key.partition(" on ")
            yield Judged(case, device, 0, "error", "planned, and recorded on neither side: finish it with --resume", rule)
            continue
        blank = Judged(some.case.id, some.resources.device, some.resources.threads, "error", "", rule)
        yield _judged(blank, groups)


def launches(reading: Reading) -> dict[str, list[RunRecord]]:
    """Return the records of a file by "case on device", in order of their launches."""
    groups: dict[str, list[RunRecord]] = {}
    for run in sorted(reading.runs, key=lambda run: run.launch):
        groups.setdefault(f"{run.case.id} on {run.resources.device}", []).append(run)
    return groups


def keys(reading: Reading) -> list[str]:
    """Return "case on device" of all that a file holds, or that its run planned and did not come to."""
    planned = (key.rpartition(" x")[0] for key in reading.missing)  # without threads and launch
    return list(dict.fromkeys((*launches(reading), *planned)))


def _judged(blank: Judged, groups: Mapping[SideName, list[RunRecord]]) -> Judged:
    baseline, candidate = groups["baseline"], groups["candidate"]
    if baseline and candidate and {run.outcome.status for run in (*baseline, *candidate)} == {"skipped"}:
        return replace(blank, status="skipped", reason=f"skipped on both sides: {candidate[0].outcome.reason}")
    for name, group in groups.items():
        reason = _unusable(group)
        if reason is not None:
            return replace(blank, reason=f"{reason} on the {name}'s side")
    for what, differ in (
        ("ran on different resources: threads, binding, ranks or neighbours", {run.resources for run in (*baseline, *candidate)}),
        ("do other work under one case id", {run.outcome.work for run in (*baseline, *candidate)}),
    ):
        if len(differ) > 1:
            return replace(blank, reason=f"the sides {what}")
    rule = settled(blank.rule, candidate[0].outcome)
    assert rule.metric is not None  # now that it is settled
    values = [_medians(group, rule.metric) for group in (baseline, candidate)]
    if any(not all(math.isfinite(value) and value > 0 for value in found) for found in values):
        return replace(blank, reason=f"{rule.metric} is missing, or no positive number, in some launch")
    pairs = tuple(Pair("baseline", a, b, oriented(rule, a, b)) for a, b in zip(*values, strict=False))
    return _decided(replace(blank, metric=rule.metric, rule=rule, pairs=pairs), (*baseline, *candidate))


def _decided(blank: Judged, runs: Sequence[RunRecord]) -> Judged:
    rule, ratios = blank.rule, [pair.log_ratio for pair in blank.pairs]
    decision = gate.decide(ratios, tolerance=rule.tolerance, max_pairs=len(ratios))
    status, reason = decision.state, decision.reason
    assert status != "continue"  # the last look has been taken
    if len(ratios) < gate.MIN_PAIRS:
        reason = f"{len(ratios)} launches a side, {gate.MIN_PAIRS} are the least: ngtbench run --launches 10"
    taken = [run.outcome.measurement for run in runs if run.outcome.measurement]
    least = floor(rule, [measured.overhead_s for measured in taken])
    spared = below_floor(rule, blank.pairs, least)
    coarse = max(measured.flags.get("timer_coarse", 0.0) for measured in taken)
    if coarse > COARSE * rule.tolerance:
        status, reason = "inconclusive", f"the timer is too coarse: a step is {percent(coarse)} of a sample"
    elif status == "fail" and spared is not None:
        status, reason = spared
    notes = tuple(blind(rule, blank.pairs, least))
    return conclude(replace(blank, status=status, reason=reason, decision=decision, notes=notes))


def _unusable(group: list[RunRecord]) -> str | None:
    if not group:
        return "missing"
    for run in group:
        if run.provenance.profiler:
            return f"launch {run.launch} was watched by {run.provenance.profiler}"
        doubt = fault(run) if run.outcome.status == "done" else f"{run.outcome.status}: {run.outcome.reason}"
        doubt = doubt or disturbance(run.resources.device, run.outcome)
        if run.outcome.measurement and "slowed_down" in run.outcome.measurement.flags:
            doubt = "slowed down on purpose, by a self-test"
        if doubt:
            return f"launch {run.launch} is not usable: {doubt}"
    return None


def _medians(group: list[RunRecord], metric: str) -> list[float]:
    taken = [run.outcome.measurement for run in group]
    return [median(one.series[metric]) if one and one.series.get(metric) else math.nan for one in taken]
