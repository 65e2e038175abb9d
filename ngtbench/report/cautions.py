"""What a reader must know of a ranking that no score shows: who chose the reference, flags of what counts, unlike suites."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ngtbench.analysis import answers
from ngtbench.model.comparison import Ranking, Result
from ngtbench.report.systems import System

UNCHOSEN = "Nobody chose the reference: it is the first of the files, by name within a folder; it decides what is required."
Given = Mapping[str, Mapping[str, Result]]  # system -> problem -> its answer


def given(systems: Sequence[System], reference: System, accept: frozenset[str]) -> Given:
    """Return the results by which each system answers the reference's problems, as rankings choose them."""
    own = {name: one.result for name, one in answers.own(reference.results, accept).items() if one.result is not None}
    found: dict[str, dict[str, Result]] = {reference.label: own}
    for system in (one for one in systems if one is not reference):
        asked: dict[str, list[Result]] = {}
        for result in system.results:
            asked.setdefault(answers.problem(result), []).append(result)
        jobs = answers.held(system.results)
        best = {name: answers.best(base, asked.get(name, []), jobs, accept).result for name, base in own.items()}
        found[system.label] = {name: one for name, one in best.items() if one is not None}
    return found


def caution(ranking: Ranking, systems: Sequence[System], answered: Given) -> tuple[str, ...]:
    """Return one sentence on what counts in this ranking, with counts; none where nothing is to be said."""
    names = {standing.system for standing in ranking.standings if standing.overall is not None}
    ranked = [system for system in systems if system.label in names]
    required = {problem for problems in ranking.required.values() for problem in problems}
    counting = [one for name in names for problem, one in answered[name].items() if problem in required]
    said = [*_flags(counting), *_suites(ranked)]
    return (f"{'; '.join(said)}.",) if said else ()


def _flags(counting: Sequence[Result]) -> Iterator[str]:
    flags = Counter(name.replace("_", " ") for one in counting for name in one.flags)
    flagged = sum(bool(one.flags) for one in counting)
    if flagged:
        named = ", ".join(f"{name} {count}" for name, count in sorted(flags.items(), key=lambda item: (-item[1], item[0])))
        yield f"Of {len(counting)} results that count, {flagged} {'has a flag' if flagged == 1 else 'have flags'}: {named}"


def _suites(ranked: Sequence[System]) -> Iterator[str]:
    """Yield who ran a suite that no commit describes, and whether all ran the same."""
    dirty = [system.label for system in ranked if any(run.provenance.dirty for run in system.runs)]
    if dirty:
        yield f"{len(dirty)} of {len(ranked)} systems ran a suite changed since its commit: {', '.join(dirty)}"
    suites = {(run.provenance.suite, run.provenance.commit) for system in ranked for run in system.runs}
    if len(suites) > 1:
        yield f"the systems ran {len(suites)} versions of the suite"


def listed(names: Sequence[str]) -> str:
    """Join names as a sentence does."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
