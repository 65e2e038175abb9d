"""Interleaves launches of two sides, pair by pair, until every benchmark is decided; `analysis.gate.decide` decides."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Literal

from ngtbench.analysis import gate
from ngtbench.harness.pairs import NAMES, Asked, Keep, Open, Stop, take
from ngtbench.harness.sides import Listed, Place
from ngtbench.model.gate import Decision, Judged, Modes, Pair, Rule, SideName
from ngtbench.units import percent, si

COARSE = 0.2  # of the tolerance: a longer step of the timer than that decides nothing


def judge(
    places: Mapping[SideName, Place],
    listings: Mapping[SideName, Listed],
    rules: Mapping[str, Rule],
    asked: Asked,
    keep: Keep,
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
            verdict = _step(one, places, asked, chance, keep, tell)
            if verdict is not None:
                still.remove(one)
                yield verdict


def _step(
    one: Open,
    places: Mapping[SideName, Place],
    asked: Asked,
    chance: random.Random,
    keep: Keep,
    tell: Callable[[str, Decision], None],
) -> Judged | None:
    """Take one more pair; return the verdict if it has fallen."""
    try:
        take(one, places, asked, chance, keep)
    except Stop as stop:
        return _ended(one, stop.status, str(stop))
    ratios = [pair.log_ratio for pair in one.series]
    decision = gate.decide(ratios, tolerance=one.rule.tolerance, max_pairs=one.rule.max_pairs)
    tell(one.key, decision)
    verdict = _verdict(one, decision)
    if verdict is None and time.monotonic() > asked.deadline_s:
        return _ended(one, "inconclusive", f"the time limit came after {decision.pairs} pairs", decision)
    return verdict


def _unable(key: str, listings: Mapping[SideName, Listed]) -> Judged | None:
    """Return the verdict on a benchmark that not both sides can run, or not on the same resources."""
    jobs = [listings[name].jobs.get(key) for name in NAMES]
    skips = [listings[name].skipped.get(key) for name in NAMES]
    some = next(one for one in (*jobs, *skips) if one)
    blank = Judged(some.case.id, some.resources.device, some.resources.threads, "error", "", Rule())
    if skips[0] and skips[1]:
        return replace(blank, status="skipped", reason=f"skipped on both sides: {skips[1].reason}")
    if jobs[0] and jobs[1]:
        given = [job.resources for job in jobs if job]
        same = given[0] == given[1]
        return None if same else replace(blank, reason=f"the sides are given different resources: {given[0]}; {given[1]}")
    said = [
        f"skipped on the {name}'s side: {skip.reason}" if skip else f"missing on the {name}'s side"
        for name, job, skip in zip(NAMES, jobs, skips, strict=True)
        if job is None
    ]
    return replace(blank, reason="; ".join(said))


def _verdict(one: Open, decision: Decision) -> Judged | None:
    """Return the verdict if the pairs there are allow one."""
    if decision.state == "continue":
        return None
    if one.coarse > COARSE * one.rule.tolerance:  # equal medians would say nothing: a change hides inside one step
        return _ended(one, "inconclusive", f"the timer is too coarse: a step is {percent(one.coarse)} of a sample", decision)
    if one.first is not None and decision.state != "fail":
        return _ended(one, "inconclusive", f"failed at first, but {len(one.fresh)} fresh pairs do not confirm it", decision)
    if decision.state != "fail":
        return _ended(one, decision.state, decision.reason, decision)
    spared = below_floor(one.rule, one.series, one.floor)
    if spared is not None:
        return _ended(one, *spared, decision)
    if one.first is None:
        one.first = decision
        return None
    return _ended(one, "fail", f"{decision.reason}; confirmed on fresh pairs", decision)


def below_floor(rule: Rule, pairs: Sequence[Pair], floor: float) -> tuple[Literal["pass", "inconclusive"], str] | None:
    """Return the verdict on a worse candidate whose difference is below the floor; None where it is not.

    A floor that somebody set lets it pass. The usual one is for noise that relative limits do not see: where it is wider than
    the tolerance, nothing could ever fail, and that is no pass.
    """
    lost = abs(median(pair.candidate for pair in pairs) - median(pair.baseline for pair in pairs))
    if lost >= floor:
        return None
    unit = "s" if (rule.metric or "").endswith("_s") else ""
    words = f"worse, but by {si(lost, unit)}, and below the floor of {si(floor, unit)} nothing fails"
    blind = rule.floor is None and floor > rule.tolerance * median(pair.baseline for pair in pairs)
    return ("inconclusive", f"{words}: set a floor for this case") if blind else ("pass", words)


def _ended(
    one: Open, status: Literal["pass", "fail", "inconclusive", "error"], reason: str, last: Decision | None = None
) -> Judged:
    job = one.jobs["candidate"]
    notes = [f"flagged in some launch: {name.replace('_', ' ')}, up to {figure:.2g}" for name, figure in one.flags.items()]
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
            confirmation=last if one.first is not None and one.fresh else None,
            pairs=tuple(one.pairs),
            fresh_pairs=tuple(one.fresh),
            discarded=tuple(one.discarded),
            notes=(*notes, *blind(one.rule, one.pairs, one.floor)),
        )
    )


def blind(rule: Rule, pairs: Sequence[Pair], floor: float) -> list[str]:
    """Return below which change a floor hides everything, where that is more than the tolerance."""
    middle = median(pair.baseline for pair in pairs) if pairs else 0.0
    if not floor > rule.tolerance * middle > 0:
        return []
    unit = "s" if (rule.metric or "").endswith("_s") else ""
    return [f"blind below {percent(floor / middle)}: the floor of {si(floor, unit)} exceeds the tolerance here"]


def conclude(judged: Judged) -> Judged:
    """Add what all pairs show beside the verdict: two groups of launches, and the fastest launches as a second opinion."""
    pairs = (*judged.pairs, *judged.fresh_pairs)
    if not pairs:
        return judged
    sides: dict[SideName, list[float]]
    sides = {"baseline": [p.baseline for p in pairs], "candidate": [p.candidate for p in pairs]}
    found = {name: gate.modes(values, judged.rule.tolerance) for name, values in sides.items()}
    modes: dict[SideName, Modes] = {name: groups for name, groups in found.items() if groups is not None}
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
