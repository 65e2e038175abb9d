"""Who is first, how sure, what is missing and what would flip it, in sentences."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ngtbench.model.comparison import Flip, Ranking, Standing, Weights
from ngtbench.report.findings import Findings
from ngtbench.report.shown import shown, slug

_MISSING = "What is missing"
_SETTLED = 0.95  # probability from which on a first place is called one
_REASON = 160  # characters of a reason that the summary repeats


@dataclass(frozen=True)
class Card:
    """What a reader of two minutes learns of one use case: a heading, and answers by their questions."""

    id: str
    heading: str
    answers: tuple[tuple[str, tuple[str, ...]], ...]


def cards(findings: Findings) -> list[Card]:
    """Return an answer per weighting, the one asked for first; what the others lack is said once where it is the same."""
    made: list[Card] = []
    for ranking in findings.rankings:
        card = _card(ranking)
        same = made and dict(made[0].answers)[_MISSING] == dict(card.answers)[_MISSING]
        said = (f"As for {findings.rankings[0].weights.name}, above.",)
        made.append(replace(card, answers=tuple((q, said if same and q == _MISSING else a) for q, a in card.answers)))
    return made


def ranked(ranking: Ranking) -> list[Standing]:
    """Return the systems that have an overall score, the best first."""
    return [standing for standing in ranking.standings if standing.overall is not None]


def _card(ranking: Ranking) -> Card:
    found = ranked(ranking)
    others = tuple(_next(standing, found[0], ranking.reference) for standing in found[1:])
    answers = (
        ("How sure", _sure(ranking, found) if others else ("Not at all: no two systems have all that is required.",)),
        ("The others", others or ("No two systems are ranked.",)),
        (_MISSING, _missing(ranking)),
        ("What would flip it", flips(ranking)),
        ("To know", ranking.notes),
        ("Who asks", (f"{ranking.weights.use_case}; asked for by {ranking.weights.requester}. {shares(ranking)}.",)),
    )
    heading = f"{ranking.weights.name}: {_heading(ranking, found)}"
    return Card(f"use-{slug(ranking.weights.name)}", heading, tuple((q, said) for q, said in answers if said))


def _heading(ranking: Ranking, found: Sequence[Standing]) -> str:
    """Say who is first only where the data settle it."""
    if not ranking.required:
        return f"{ranking.reference} has nothing of it, so nobody can be ranked"
    if len(found) < 2:
        return f"only {found[0].system} can be ranked" if found else "nobody can be ranked"
    if found[0].first is None or found[0].first >= _SETTLED:
        return f"{found[0].system} is first"
    rivals = [one.system for one in found[1:] if (one.first or 0.0) > 1 - _SETTLED] or [found[1].system]
    return f"{found[0].system} leads, but cannot be told from {' and '.join(rivals)}"


def _sure(ranking: Ranking, found: Sequence[Standing]) -> tuple[str, ...]:
    first = found[0]
    words = []
    if first.system == ranking.reference:
        words.append("It is the reference, whose speed is 1.")
    else:
        words.append(f"{_times(first)} the speed of the reference {ranking.reference}{_interval(first)}.")
    if first.first is not None:
        words.append(
            f"{sureness(first.first).capitalize()}: by the data it is first with a probability of {chance(first.first)}."
        )
    if len(ranking.required) < 2:
        words.append("Only one family counts, so no weighting changes it.")
    elif first.first_of_weightings is not None:
        other = max(found[1:], key=lambda one: one.first_of_weightings or 0.0)
        said = f"Whatever the families weigh, it is first in {share(first.first_of_weightings)} of {ranking.weightings:,} random "
        said += f"weightings; {other.system} in {share(other.first_of_weightings or 0.0)}."
        words.append(said)
    thin = next((one.basis for one in found[:2] if one.basis != "between jobs"), None)
    if thin:
        words.append(f"Only {thin}: the spread between jobs was supposed, not measured; three jobs of each would show it.")
    return tuple(words)


def sureness(probability: float) -> str:
    """Return a word for how far the data decide who is first."""
    steps = (
        (0.99, "practically certain"),
        (_SETTLED, "very likely"),
        (0.8, "likely, not settled"),
        (0.5, "more likely than not, not settled"),
    )
    return next((word for least, word in steps if probability >= least), "open")


def chance(probability: float) -> str:
    """Write a probability of a simulation, which is never quite 0 or 1."""
    if not 0.001 <= probability <= 0.999:
        return "over 99.9 %" if probability > 0.5 else "under 0.1 %"
    return f"{100 * probability:.1f} %" if not 0.01 <= probability < 0.99 else share(probability)


def share(part: float) -> str:
    """Write a share in two digits, as sentences need no more."""
    return f"{100 * part:.0f} %" if part >= 0.0995 else f"{100 * part:.2g} %"


def _times(standing: Standing) -> str:
    return f"{standing.overall:.3f} times" if standing.overall is not None else "–"


def _interval(standing: Standing) -> str:
    if standing.low is None or standing.high is None:
        return ", no interval"
    return f" (95 % interval {standing.low:.3f} to {standing.high:.3f}, {standing.basis})"


def _next(standing: Standing, first: Standing, reference: str) -> str:
    assert standing.overall is not None and first.overall is not None  # both are ranked
    known = (
        "the reference, 1 by definition"
        if standing.system == reference
        else f"{_times(standing)} the reference{_interval(standing)}"
    )
    behind = f", {share(1 - standing.overall / first.overall)} behind the first"
    said = "" if standing.first is None else f"; first with a probability of {chance(standing.first)}"
    return f"{standing.system}: {known}{behind}{said}."


def _missing(ranking: Ranking) -> tuple[str, ...]:
    """Say who is not ranked, of how much each lacks, and why, by the reasons that keep most out."""
    words = []
    for standing in ranking.standings:
        if standing.lacks:
            [(reason, count), *others] = Counter(reason for _, reason in standing.lacks).most_common()
            why = f"{shown(reason, _REASON)} ({count}, such as {_such(standing, reason)})"
            more = f"; {len(others)} other reason{'' if len(others) == 1 else 's'} under “What is missing”" if others else ""
            said = f"{standing.system} is not ranked: it lacks {len(standing.lacks)} of {required(ranking)}: {why}{more}."
            words.append(said)
    if not words and ranking.required:
        words.append(f"Nothing: every system has all {required(ranking)}.")
    return tuple(words) or ("Everything that it asks for.",)


def _such(standing: Standing, reason: str) -> str:
    return next(problem for problem, why in standing.lacks if why == reason)


def required(ranking: Ranking) -> str:
    """Write how many problems are required."""
    count = sum(map(len, ranking.required.values()))
    return f"{count} required problem{'' if count == 1 else 's'}"


def flips(ranking: Ranking) -> tuple[str, ...]:
    """Say at which weights another system would be first."""
    found = tuple(_flip(flip) for flip in ranking.flips)
    if found:
        return found
    return ("No weight of a single family.",) if len(ranked(ranking)) > 1 else ()


def _flip(flip: Flip) -> str:
    beyond = "more" if flip.at > flip.share else "less"
    return (
        f"If {flip.family} weighed {beyond} than {share(flip.at)} of all (now {share(flip.share)}), {flip.then} would be first."
    )


def weight(weights: Weights, family: str) -> float:
    """Return what a family weighs."""
    return weights.families.get(family, weights.other)


def shares(ranking: Ranking) -> str:
    """Write what each required family weighs, as a share of all."""
    own = {family: weight(ranking.weights, family) for family in ranking.required}
    total = sum(own.values())
    if not total:
        return "No family weighs anything"
    return "Weights: " + ", ".join(f"{family} {share(value / total)}" for family, value in own.items())
