"""Who is first, how sure, what is missing and what would flip it, in sentences."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ngtbench.analysis.ratio import STATED_SPREAD
from ngtbench.analysis.statistics import MIN_JOBS
from ngtbench.model.comparison import Flip, Ranking, Standing, Weights
from ngtbench.report.cautions import listed
from ngtbench.report.findings import Findings
from ngtbench.report.shown import shown, slug

_MISSING = "What is missing"
_WHOLE = 0.995  # share of what was asked for that is as good as all of it
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
    others = tuple(_next(standing, ranking.reference) for standing in found[1:])
    answers = (
        ("How sure", _sure(ranking, found) if others else ("Not at all: no two systems have all that is required.",)),
        ("The others", others or ("No two systems are ranked.",)),
        (_MISSING, _missing(ranking)),
        ("What would flip it", flips(ranking)),
        ("To know", tuple(words for words in ranking.notes if words not in absent(ranking))),
        ("Who asks", (f"{ranking.weights.use_case}; asked for by {ranking.weights.requester}. {shares(ranking)}.",)),
    )
    heading = f"{ranking.weights.name}: {_heading(ranking, found)}"
    return Card(f"use-{slug(ranking.weights.name)}", heading, tuple((q, said) for q, said in answers if said))


def _heading(ranking: Ranking, found: Sequence[Standing]) -> str:
    """Say who is first only where the first is told from every other, and what that rests on."""
    if not ranking.required:
        return f"{ranking.reference} has nothing of it, so nobody can be ranked"
    if len(found) < 2:
        return f"only {found[0].system} can be ranked" if found else "nobody can be ranked"
    equals = untold(found)
    said = f"leads, but cannot be told from {listed(equals)}" if equals else "is first"
    return f"{found[0].system} {said}{f', judged by {share(ranking.present)} of what was asked for' if partial(ranking) else ''}"


def untold(found: Sequence[Standing]) -> list[str]:
    """Return the ranked systems that are not told from the first."""
    return [one.system for one in found[1:] if one.told is not True]


def partial(ranking: Ranking) -> bool:
    """Tell whether a part that matters of what was asked for is in no score."""
    return ranking.present < _WHOLE


def _sure(ranking: Ranking, found: Sequence[Standing]) -> tuple[str, ...]:
    first, equals = found[0], untold(found)
    if equals:
        words = [f"Not settled: the data do not tell it from {listed(equals)} (at 5 %, over all rivals together)."]
    else:
        words = ["Settled: the data tell it from every other (at 5 %, over all rivals together)."]
    if first.system == ranking.reference:
        words.append("It is the reference, whose speed is 1.")
    else:
        words.append(f"{_times(first)} the speed of the reference {ranking.reference}{_interval(first)}.")
    if first.first is not None:
        words.append(_chance(first.first, found))
    if len(ranking.required) < 2:
        words.append("Only one family counts, so other weights cannot be tried.")
    elif first.first_of_weightings is not None:
        other = max(found[1:], key=lambda one: one.first_of_weightings or 0.0)
        said = (
            f"Whatever these families weigh, it is first in {share(first.first_of_weightings)} of {ranking.weightings:,} random "
        )
        words.append(f"{said}weightings; {other.system} in {share(other.first_of_weightings or 0.0)}.")
    return tuple(words)


def _chance(probability: float, found: Sequence[Standing]) -> str:
    """Say the chance of the first; where a spread between jobs was only supposed, say so before it."""
    if measured(found):
        return f"By the spread between jobs, it is first with a probability of {chance(probability)}."
    words = (
        f"Supposing a spread between jobs of {100 * STATED_SPREAD:g} %, which nobody measured, it is first with a probability of "
    )
    return f"{words}{chance(probability)}; {MIN_JOBS} jobs of each system would show the spread."


def measured(found: Sequence[Standing]) -> bool:
    """Tell whether the spread between jobs of every ranked system was measured."""
    return all(one.basis == "between jobs" for one in found)


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


def behind(standing: Standing) -> tuple[str, str]:
    """Write how many times as fast the first is, and the 95 % interval of that."""
    times = "–" if standing.behind is None else f"{standing.behind:.3f}"
    if standing.behind_low is None or standing.behind_high is None:
        return times, "none"
    return times, f"{standing.behind_low:.3f} to {standing.behind_high:.3f}"


def _next(standing: Standing, reference: str) -> str:
    times, interval = behind(standing)
    told = "told from it" if standing.told is True else "not told from it"
    own = "it is the reference" if standing.system == reference else f"{_times(standing)} the speed of the reference"
    return f"{standing.system}: the first is {times} times as fast (95 % interval {interval}), {told}; {own}."


def absent(ranking: Ranking) -> tuple[str, ...]:
    """Say which families are asked for, of which the reference has nothing."""
    named = sorted(family for family, value in ranking.weights.families.items() if value > 0 and family not in ranking.required)
    if not named:
        return ()
    return (f"Asked for, but {ranking.reference} has nothing of it, so it is in no score: {', '.join(named)}.",)


def _missing(ranking: Ranking) -> tuple[str, ...]:
    """Say what nobody was asked, then who is not ranked, of how much each lacks, and why, by the reasons that keep most out."""
    gone, words = absent(ranking), []
    for standing in ranking.standings:
        if standing.lacks:
            [(reason, count), *others] = Counter(reason for _, reason in standing.lacks).most_common()
            why = f"{shown(reason, _REASON)} ({count}, such as {_such(standing, reason)})"
            more = f"; {len(others)} other reason{'' if len(others) == 1 else 's'} under “What is missing”" if others else ""
            said = f"{standing.system} is not ranked: it lacks {len(standing.lacks)} of {required(ranking)}: {why}{more}."
            words.append(said)
    if not words and ranking.required:
        words.append(f"{'Of the rest nothing' if gone else 'Nothing'}: every system has all {required(ranking)}.")
    return (*gone, *words) or ("Everything that it asks for.",)


def _such(standing: Standing, reason: str) -> str:
    return next(problem for problem, why in standing.lacks if why == reason)


def required(ranking: Ranking) -> str:
    """Write how many problems are required."""
    count = sum(map(len, ranking.required.values()))
    return f"{count} required problem{'' if count == 1 else 's'}"


def flips(ranking: Ranking) -> tuple[str, ...]:
    """Say at which weights another system would be first."""
    whole = "what is present" if partial(ranking) else "all"
    found = tuple(_flip(flip, whole) for flip in ranking.flips)
    if found:
        return found
    return (f"No weight of a single family{' that is present' if partial(ranking) else ''}.",) if len(ranked(ranking)) > 1 else ()


def _flip(flip: Flip, whole: str) -> str:
    beyond = "more" if flip.at > flip.share else "less"
    now = f"{share(flip.at)} of {whole} (now {share(flip.share)})"
    return f"If {flip.family} weighed {beyond} than {now}, {flip.then} would be first."


def weight(weights: Weights, family: str) -> float:
    """Return what a family weighs."""
    return weights.families.get(family, weights.other)


def shares(ranking: Ranking) -> str:
    """Write what each required family weighs, as a share of all."""
    own = {family: weight(ranking.weights, family) for family in ranking.required}
    total = sum(own.values())
    if not total:
        return "No family weighs anything"
    return f"Weights{' of what is present' if partial(ranking) else ''}: " + ", ".join(
        f"{family} {share(value / total)}" for family, value in own.items()
    )
