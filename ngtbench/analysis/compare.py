"""Ratios of two sides, case by case, or why there is none; geometric means over what is comparable.

Pairs are of the same implementation of the same problem, CPU with CPU and GPU with GPU of whatever make. A different number
of threads is said beside the ratio, for a machine is compared with all it has; different ranks, clients or neighbours are
not comparable. The interval of a ratio combines both sides' intervals in quadrature, on logarithms, upward and
downward apart.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from statistics import fmean

from ngtbench.model.comparison import Comparison, Interval, Result, Score

Key = tuple[str, str, str, str, str]


def compare(a: Iterable[Result], b: Iterable[Result]) -> tuple[Comparison, ...]:
    """Return a comparison for every case of either side, in A's order, then what only B has."""
    sides = (_keyed(a), _keyed(b))
    made: list[Comparison] = []
    for key in dict.fromkeys((*sides[0], *sides[1])):
        made += [_one(left, right) for left, right in _pairs(sides[0].get(key, []), sides[1].get(key, []))]
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
    distinct = sum(one.low is not None and one.high is not None and not one.low <= 1 <= one.high for one in comparisons)
    return Score(families, overall, cases, len(comparisons) - cases, distinct, name)


def ratio_interval(a: Interval, b: Interval) -> tuple[float, float] | None:
    """Return the 95 % interval of a.value / b.value; None where a side has none, or one that is not positive."""
    if a.low is None or a.high is None or b.low is None or b.high is None or min(a.low, b.low) <= 0:
        return None
    middle = math.log(a.value / b.value)
    down = math.hypot(math.log(a.value / a.low), math.log(b.high / b.value))
    up = math.hypot(math.log(a.high / a.value), math.log(b.value / b.low))
    return math.exp(middle - down), math.exp(middle + up)


def _keyed(results: Iterable[Result]) -> dict[Key, list[Result]]:
    keyed: dict[Key, list[Result]] = {}
    for result in results:
        case = result.case
        key = (case.workload, case.size, case.impl, case.dtype, "cpu" if result.resources.device.startswith("cpu:") else "gpu")
        keyed.setdefault(key, []).append(result)
    return keyed


def _pairs(a: list[Result], b: list[Result]) -> list[tuple[Result | None, Result | None]]:
    """Pair results of one case: first what ran on the same resources, then the rest in order of device and threads."""
    same = [(left, right) for left in a for right in b if (left.case, left.resources) == (right.case, right.resources)]
    rest_a = sorted((result for result in a if all(result is not left for left, _ in same)), key=_place)
    rest_b = sorted((result for result in b if all(result is not right for _, right in same)), key=_place)
    return [*same, *zip_longest(rest_a, rest_b)]


def _place(result: Result) -> tuple[str, int]:
    return result.resources.device.partition(":")[2].zfill(4), -result.resources.threads


def _one(a: Result | None, b: Result | None) -> Comparison:
    if a is None or b is None:
        present = a or b
        assert present is not None  # a pair has a side
        return Comparison(present.case, a, b, reason=f"only {'A' if a else 'B'} has it, on {present.resources.device}")
    reason = _incomparable(a, b)
    if reason is not None:
        return Comparison(a.case, a, b, reason=reason)
    left, right = a.figure, b.figure
    assert a.metric is not None and left is not None and right is not None  # done results have a figure
    if a.metric.better == "higher":
        left, right = right, left
    found = ratio_interval(left, right)
    low, high = found if found else (None, None)
    return Comparison(a.case, a, b, left.value / right.value, low, high, None, _notes(a, b))


def _incomparable(a: Result, b: Result) -> str | None:
    watched = [f"{side} was watched by {result.profiler}" for side, result in (("A", a), ("B", b)) if result.profiler]
    if watched:
        return "; ".join(watched)
    if a.case.version != b.case.version:
        return f"workload version {a.case.version} against {b.case.version}: not the same problem"
    if (a.status, a.reason) == (b.status, b.reason) and a.status != "done":
        return f"A and B {a.status}: {a.reason}"
    bad = [f"{side} {result.status}: {result.reason}" for side, result in (("A", a), ("B", b)) if result.status != "done"]
    if bad:
        return "; ".join(bad)
    if a.work != b.work:
        return f"the work differs: {a.work} against {b.work}"
    if a.metric != b.metric or a.metric is None:
        names = [f"{result.metric.name} ({result.metric.better} is better)" for result in (a, b) if result.metric]
        return f"the figure of merit differs: {' against '.join(names)}"
    for word in ("ranks", "clients", "neighbour"):
        left, right = getattr(a.resources, word), getattr(b.resources, word)
        if left != right:
            return f"{word} {left or 'none'} against {right or 'none'}"
    if a.figure is None or b.figure is None or min(a.figure.value, b.figure.value) <= 0:
        return f"{a.metric.name} is not positive: there is no ratio"
    return None


def _notes(a: Result, b: Result) -> tuple[str, ...]:
    """Return what a reader must know beside the ratio."""
    notes = []
    for what, left, right in (
        ("threads", a.resources.threads, b.resources.threads),
        ("device", a.resources.device.partition(":")[0], b.resources.device.partition(":")[0]),
        ("binding", "bound" if a.resources.bind else "unbound", "bound" if b.resources.bind else "unbound"),
        ("variant", a.variant or "none", b.variant or "none"),
        ("tier", a.tier, b.tier),
        ("suite", a.suite, b.suite),
    ):
        if left != right:
            notes.append(f"{left} threads against {right}" if what == "threads" else f"{what} {left} against {right}")
    digests = dict(a.inputs)
    if any(digests.get(seed, digest) != digest for seed, digest in b.inputs):
        notes.append("inputs differ in bits though their seeds agree")
    elif not digests.keys() & {seed for seed, _ in b.inputs}:
        notes.append("other seeds, so other inputs")
    lacks_a, lacks_b = _lacks(a), _lacks(b)
    same = lacks_a if lacks_a == lacks_b else []
    for side, result, lacks in (("A", a, lacks_a), ("B", b, lacks_b)):
        words = [f"{name} {figure:.3g}" for name, figure in result.flags.items()]
        words += [f"throttled: {reason}" for reason in result.throttle] + ([] if same else lacks)
        words += [] if result.modes is None else ["launches fall into two groups"]
        notes += [f"{side}: {', '.join(words)}"] if words else []
    return (*notes, *same)


def _lacks(result: Result) -> list[str]:
    return [words.partition(":")[0] for words in result.figure.lacks] if result.figure else []
