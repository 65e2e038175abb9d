"""Ratios of two sides, case by case, or why there is none; geometric means over what is comparable.

Like for like: the same implementation of the same problem, CPU with CPU and GPU with GPU of whatever make. Best: of each
problem the fastest implementation that either side has on that kind of device. A table holds one tier, and all that it calls
distinct holds over the whole table.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from statistics import fmean

from ngtbench.analysis.comparable import figure, incomparable, notes
from ngtbench.analysis.ratio import holm, ratio
from ngtbench.model.case import Tier
from ngtbench.model.comparison import Comparison, Result, Score

Key = tuple[object, ...]
Pair = tuple[Result | None, Result | None, tuple[str, ...]]


def compare(
    a: Iterable[Result],
    b: Iterable[Result],
    *,
    best: bool = False,
    tier: Tier = "ported",
    accept: Collection[str] = frozenset(),
) -> tuple[Comparison, ...]:
    """Return one table: a comparison for every case of either side, in A's order, then what only B has.

    `best` compares the fastest implementations of each problem instead. `accept` names reasons of `comparable.ACCEPTABLE` that
    become notes.
    """
    key, pairs = (_problem, _best) if best else (_case, _alike)
    sides = [_grouped((one for one in side if one.tier == tier), key) for side in (a, b)]
    sizes = [_sizes(side) for side in sides]
    made: list[Comparison] = []
    chances: dict[int, float] = {}
    for name in dict.fromkeys((*sides[0], *sides[1])):
        for left, right, said in pairs(sides[0].get(name, []), sides[1].get(name, [])):
            if left is None or right is None:
                made.append(_alone(left, right, [side.get(_sizeless(name), []) for side in sizes]))
                continue
            one, chance = _divided(left, right, said, accept)
            if chance is not None:
                chances[len(made)] = chance
            made.append(one)
    for place, differs in zip(chances, holm(list(chances.values())), strict=True):
        made[place] = replace(made[place], distinct=differs)
    return tuple(made)


def score(comparisons: Sequence[Comparison], weights: Mapping[str, float], name: str) -> Score:
    """Return geometric means; a family not in `weights` weighs 1, one that weighs 0 is left out of the overall mean."""
    logs: dict[str, list[float]] = {}
    for comparison in comparisons:
        if comparison.ratio is not None:
            logs.setdefault(comparison.case.workload.partition("/")[0], []).append(math.log(comparison.ratio))
    means = {family: fmean(values) for family, values in logs.items()}
    total = sum(weights.get(family, 1.0) for family in means)
    overall = math.exp(sum(weights.get(family, 1.0) * mean for family, mean in means.items()) / total) if total > 0 else None
    families = {family: (math.exp(mean), len(logs[family])) for family, mean in means.items()}
    cases = sum(map(len, logs.values()))
    distinct = sum(one.distinct is True for one in comparisons)
    return Score(families, overall, cases, len(comparisons) - cases, distinct, name)


def _grouped(results: Iterable[Result], key: Callable[[Result], Key]) -> dict[Key, list[Result]]:
    groups: dict[Key, list[Result]] = {}
    for result in results:
        groups.setdefault(key(result), []).append(result)
    return groups


def _case(result: Result) -> Key:
    case = result.case
    return case.workload, case.size, case.impl, case.dtype, _kind(result)


def _problem(result: Result) -> Key:
    case, resources = result.case, result.resources
    return case.workload, case.size, case.dtype, _kind(result), resources.ranks, resources.clients, resources.neighbour


def _kind(result: Result) -> str:
    return "cpu" if result.resources.device.startswith("cpu:") else "gpu"


def _alike(a: list[Result], b: list[Result]) -> list[Pair]:
    """Pair results of one case: equal resources first, then all of one machine with all of the other, then the rest.

    What is all of a machine goes with what is a part of one only where nothing better is left.
    """
    pairs: list[Pair] = []
    a, b = sorted(a, key=_place), sorted(b, key=_place)
    for alike in (_equal, _both_whole, _same_resources):
        for left in list(a):
            right = next((one for one in b if alike(left, one)), None)
            if right is not None:
                a.remove(left)
                b.remove(right)
                pairs.append((left, right, ()))
    return [*pairs, *((left, right, ()) for left, right in zip_longest(a, b))]


def _place(result: Result) -> tuple[str, int]:
    return result.resources.device.partition(":")[2].zfill(4), -result.resources.threads


def _same_resources(a: Result, b: Result) -> bool:
    return a.resources == b.resources


def _equal(a: Result, b: Result) -> bool:
    return (a.resources, a.whole, a.case) == (b.resources, b.whole, b.case)


def _both_whole(a: Result, b: Result) -> bool:
    return a.whole and b.whole and replace(a.resources, threads=0) == replace(b.resources, threads=0)


def _best(a: list[Result], b: list[Result]) -> list[Pair]:
    """Pair the fastest of either side, among those of equal terms where both sides have such."""
    fit = [[one for one in side if figure(one) is not None and one.profiler is None] for side in (a, b)]
    common = set(map(_terms, fit[0])) & set(map(_terms, fit[1]))
    terms = min(common, default=None)
    pools = [[one for one in side if terms in (None, _terms(one))] for side in fit]
    picked = [min(pool or side[:1], key=_slowness, default=None) for pool, side in zip(pools, (a, b), strict=True)]
    said = [_chosen(*side) for side in zip("AB", picked, pools, (a, b), strict=True)]
    return [(picked[0], picked[1], tuple(words for side in said for words in side))]


def _terms(result: Result) -> tuple[float | str, ...]:
    """Return what results must share to be divided, best terms first: newest, strictest, all of the machine, most threads."""
    verdict = result.verdict
    tolerance = math.inf if verdict is None or verdict.tolerance is None else verdict.tolerance
    free = result.whole or _kind(result) == "gpu"
    check = verdict.check if verdict else ""
    return -result.case.version, tolerance, check, not free, 0 if free else -result.resources.threads


def _slowness(result: Result) -> float:
    found = figure(result)
    if found is None or result.metric is None:
        return math.inf
    return found.value if result.metric.better == "lower" else -found.value


def _chosen(side: str, picked: Result | None, pool: Sequence[Result], group: Sequence[Result]) -> list[str]:
    """Say which implementation was taken, of how many, and what was left out."""
    if picked is None or not pool:
        return []
    count = len({one.case.impl for one in pool})
    words = f"{side}: {picked.case.impl}, {f'the fastest of {count} implementations' if count > 1 else 'the only implementation'}"
    devices = {one.resources.device for one in pool}
    words += f", on {picked.resources.device}, the fastest of {len(devices)} devices" if len(devices) > 1 else ""
    left = dict.fromkeys(_left_out(one) for one in group if all(one is not taken for taken in pool))
    return [words, *([f"{side} without {', '.join(left)}"] if left else [])]


def _left_out(result: Result) -> str:
    if result.status != "done" or figure(result) is None:
        return f"{result.case.impl} ({result.status if result.status != 'done' else 'no figure'})"
    if result.profiler:
        return f"{result.case.impl} (watched by {result.profiler})"
    tolerance = result.verdict.tolerance if result.verdict else None
    held = "" if tolerance is None else f", tolerance {tolerance:g}"
    return f"{result.case.impl} (version {result.case.version}{held}, {result.resources.threads} threads)"


def _divided(a: Result, b: Result, said: tuple[str, ...], accept: Collection[str]) -> tuple[Comparison, float | None]:
    """Return a comparison and its p among the others of its table; None where it has none."""
    reason = incomparable(a, b, accept)
    if reason is not None:
        return Comparison(a.case, a, b, reason=reason, notes=said), None
    found = ratio(a, b)
    p = found.p if found.basis == "between jobs" else None
    words = (*said, *notes(a, b))
    return Comparison(a.case, a, b, found.value, found.low, found.high, None, words, found.basis, None, p), found.p


def _alone(a: Result | None, b: Result | None, sizes: Sequence[Sequence[str]]) -> Comparison:
    """Return why there is no ratio of what only one side has, with the sizes that both have of it where those differ."""
    side, present = ("A", a) if a else ("B", b)
    assert present is not None  # a pair has a side
    reason = f"only {side} has it, on {present.resources.device}"
    if all(sizes) and set(sizes[0]) != set(sizes[1]):
        reason += f": size {', '.join(sizes[0])} against {', '.join(sizes[1])}"
    return Comparison(present.case, a, b, reason=reason)


def _sizes(groups: Iterable[Key]) -> dict[Key, list[str]]:
    """Return the sizes that a side has of what differs in nothing else."""
    found: dict[Key, list[str]] = {}
    for key in groups:
        found.setdefault(_sizeless(key), []).append(str(key[1]))
    return found


def _sizeless(key: Key) -> Key:
    return (key[0], *key[2:])
