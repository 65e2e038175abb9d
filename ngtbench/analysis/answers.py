"""Which result answers a problem for a system in a ranking, why another does not count, and how fast it is."""

import math
from collections.abc import Sequence

from ngtbench.analysis.comparable import figure, incomparable
from ngtbench.model.comparison import Result

Z = 1.959964  # half-width of a normal 95 % interval, in standard deviations


def own(results: Sequence[Result], accept: frozenset[str]) -> dict[str, Result]:
    """Return the reference's own results by problem: held to the strictest tolerance, on a whole machine, the fastest."""
    found: dict[str, Result] = {}
    fit = [one for one in results if reason(one, one, accept) is None]
    for one in sorted(fit, key=lambda one: (_tolerance(one), _cpu(one) and not one.whole, *_fastest(one))):
        found.setdefault(problem(one), one)
    return found


def best(base: Result, candidates: Sequence[Result], accept: frozenset[str]) -> Result | str:
    """Return the fastest that counts against the reference's result, or why none does."""
    reasons = [reason(base, one, accept) for one in candidates]
    fit = [one for one, words in zip(candidates, reasons, strict=True) if words is None]
    if fit:
        return min(fit, key=_fastest)
    return "; ".join(sorted({f"{one.case.impl} {words}" for one, words in zip(candidates, reasons, strict=True)})) or "no result"


def problem(result: Result) -> str:
    """Return what is asked: a problem, and what runs beside it."""
    beside = result.resources
    ranks = f", {beside.ranks} ranks" if beside.ranks != 1 else ""
    clients = f", {beside.clients} clients" if beside.clients != 1 else ""
    return f"{result.case.problem}{ranks}{clients}{f', beside {beside.neighbour}' if beside.neighbour else ''}"


def reason(base: Result, one: Result, accept: frozenset[str]) -> str | None:
    """Return why a result does not count against the reference's; device and implementation may differ."""
    if one.tier != "ported":
        return f"is {one.tier}: such a result is in no ranking"
    if one.status != "done":
        return f"{one.status}: {one.reason}"
    if _cpu(base) != _cpu(one):
        host = base if _cpu(base) else one
        if not host.whole and "threads" not in accept:
            return f"thread budget: a CPU with {host.resources.threads} threads, a part of its machine, and a GPU"
        accept = accept | {"threads"}  # those of a GPU's host say nothing
    words = incomparable(base, one, accept)
    return f"{words} (A is the reference)" if words else None


def _cpu(result: Result) -> bool:
    return result.resources.device.startswith("cpu:")


def _tolerance(result: Result) -> float:
    return math.inf if result.verdict is None or result.verdict.tolerance is None else result.verdict.tolerance


def sign(result: Result) -> int:
    """Return what turns the logarithm of a figure of merit into that of a speed."""
    return 1 if result.metric and result.metric.better == "higher" else -1


def speed(result: Result) -> float:
    """Return the logarithm of how fast a result is that `comparable` let pass."""
    found = figure(result)
    return sign(result) * math.log(found.value) if found else -math.inf


def _fastest(result: Result) -> tuple[float, str, str, int]:
    """Return what sorts the fastest first; names decide only between equals."""
    return -speed(result), result.case.id, result.resources.device, result.resources.threads


def within(result: Result) -> float:
    """Return the standard deviation that a result's own interval shows, of logarithms; 0 where it has none."""
    found = figure(result)
    if found is None or found.low is None or found.high is None or not 0 < found.low <= found.high < math.inf:
        return 0.0
    return (math.log(found.high) - math.log(found.low)) / 2 / Z
