"""What the chapters of a page share: the systems, their rankings, and their comparisons with the reference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ngtbench.analysis.compare import compare
from ngtbench.analysis.score import rank
from ngtbench.errors import BadInput
from ngtbench.model.case import Tier
from ngtbench.model.comparison import Comparison, Ranking, Result, Weights
from ngtbench.report.cautions import UNCHOSEN, caution, given
from ngtbench.report.systems import System

Relative = dict[
    str, dict[str, tuple[Result, float]]
]  # problem and kind of device -> system -> its best, its share of the fastest
KINDS: tuple[tuple[Tier, bool], ...] = (("ported", False), ("ported", True), ("optimised", False), ("optimised", True))


@dataclass(frozen=True)
class Pair:
    """The comparisons of a system with the reference, a table per tier and choice of implementation."""

    number: int  # of the system on the page
    system: System
    tables: dict[tuple[Tier, bool], tuple[Comparison, ...]]  # (tier, best implementation instead of the same)


@dataclass(frozen=True)
class Findings:
    """Systems in the order of the page, the reference among them."""

    systems: tuple[System, ...]
    reference: System
    rankings: tuple[Ranking, ...]  # one per weights; none of a single system
    pairs: tuple[Pair, ...]
    relative: Relative


def find(systems: Sequence[System], reference: str | None, weights: Sequence[Weights], accept: frozenset[str]) -> Findings:
    """Rank and compare; without a reference named, the first system is it.

    Raises BadInput where the reference names no system.
    """
    labels = [system.label for system in systems]
    if reference is not None and reference not in labels:
        raise BadInput(f"--reference {reference!r}: no such system; there are {', '.join(map(repr, labels)) or 'none'}")
    base = systems[labels.index(reference) if reference else 0]
    named = [(system.label, system.results) for system in systems]
    pairs = tuple(_pair(number, base, other, accept) for number, other in enumerate(systems) if other is not base)
    rankings = tuple(rank(named, base.label, one, accept=accept) for one in weights) if pairs else ()
    answered = given(systems, base, accept) if rankings else {}
    unchosen = () if reference else (UNCHOSEN,)
    rankings = tuple(replace(one, notes=(*unchosen, *one.notes, *caution(one, systems, answered))) for one in rankings)
    return Findings(tuple(systems), base, rankings, pairs, _relative(base, pairs))


def _pair(number: int, base: System, other: System, accept: frozenset[str]) -> Pair:
    tables = {(tier, best): compare(base.results, other.results, best=best, tier=tier, accept=accept) for tier, best in KINDS}
    return Pair(number, other, tables)


def named(result: Result) -> str:
    """Return the problem and the kind of device that a result is of."""
    return f"{result.case.problem} on {'CPU' if result.resources.device.startswith('cpu') else 'GPU'}"


def _relative(base: System, pairs: Sequence[Pair]) -> Relative:
    """Return each system's best ported speed over the fastest's, of what is comparable with the reference."""
    speeds: Relative = {}
    for pair in pairs:
        for one in pair.tables["ported", True]:
            if one.ratio is not None and one.a is not None and one.b is not None:
                row = speeds.setdefault(named(one.a), {base.label: (one.a, 1.0)})
                row[pair.system.label] = (one.b, one.ratio)
    found: Relative = {}
    for problem, row in sorted(speeds.items()):
        top = max(speed for _, speed in row.values())
        found[problem] = {label: (result, speed / top) for label, (result, speed) in row.items()}
    return found
