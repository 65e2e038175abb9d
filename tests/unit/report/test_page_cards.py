"""Sentences and tables of the ranking: who is told from whom, on what it rests, what speaks against it."""

from dataclasses import replace
from typing import Any

import pytest

from ngtbench.model.case import Case
from ngtbench.model.comparison import Flip, Ranking, Weights
from ngtbench.model.record import Outcome
from ngtbench.report import answers, cautions, html, ranking, ranking_figures
from ngtbench.report.findings import Findings, find
from ngtbench.report.html import Report
from ngtbench.report.systems import systems
from tests.systems import Made, readings
from tests.unit.report.rankings import ALPHA, BETA, LQFT, findings, ranked, standing, words

BEST, SECOND = standing("Beta", 1.25, 0.97), standing("Alpha", 1.0, 0.03, told=True)
PART: dict[str, Any] = {"weights": replace(LQFT, families={"lattice": 1.0, "sharing": 3.0, "fpga": 2.0}), "present": 0.17}


def answered(found: Findings, number: int = 0) -> dict[str, str]:
    return {question: " ".join(said) for question, said in answers.cards(found)[number].answers}


def test_the_summary_answers_who_how_sure_what_is_missing_and_what_would_flip_it() -> None:
    flips = (Flip("lattice", 0.25, 0.618, "Alpha"), Flip("ml", 0.25, 0.1, "Gamma"))
    found = ranked(BEST, SECOND, standing("Gamma", None), flips=flips)
    assert answers.cards(found)[0].heading == "LQFT: Beta is first"
    said = answered(found)
    assert said["How sure"].startswith("Settled: the data tell it from every other (at 5 %, over all rivals together).")
    assert "1.250 times the speed of the reference Alpha (95 % interval 1.125 to 1.375, between jobs)" in said["How sure"]
    assert "By the spread between jobs, it is first with a probability of 97 %." in said["How sure"]
    assert "first in 97 % of 10,000 random weightings; Alpha in 3 %." in said["How sure"]
    assert said["The others"] == (
        "Alpha: the first is 1.250 times as fast (95 % interval 1.200 to 1.300), told from it; it is the reference."
    )
    assert said["What is missing"] == (
        "Gamma is not ranked: it lacks 3 of 3 required problems: no build (2, such as lattice/cg@1/M/float64); "
        "1 other reason under “What is missing”."
    )
    assert said["What would flip it"] == (
        "If lattice weighed more than 62 % of all (now 25 %), Alpha would be first. "
        "If ml weighed less than 10 % of all (now 25 %), Gamma would be first."
    )
    assert "asked for by the lattice group. Weights: lattice 75 %, ml 25 %." in said["Who asks"]


@pytest.mark.parametrize("told", [False, None])
def test_whoever_is_not_told_from_the_first_keeps_it_from_being_called_so(told: bool | None) -> None:
    untold = replace(standing("Delta", 0.9, 0.02, told=False), told=told)
    found = ranked(standing("Beta", 1.05, 0.97), SECOND, untold)
    assert answers.cards(found)[0].heading == "LQFT: Beta leads, but cannot be told from Delta"
    assert answered(found)["How sure"].startswith(
        "Not settled: the data do not tell it from Delta (at 5 %, over all rivals together)."
    )
    assert "1.444), not told from it; 0.900 times the speed of the reference." in answered(found)["The others"]
    both = ranked(standing("Beta", 1.05, 0.99), replace(SECOND, told=told), standing("Gamma", 0.95, 0.01, told=True), untold)
    assert answers.cards(both)[0].heading == "LQFT: Beta leads, but cannot be told from Alpha and Delta"


def test_a_chance_by_a_supposed_spread_says_so_and_is_called_nothing_more() -> None:
    thin = standing("Alpha", 1.0, 0.01, "within one job", told=True)
    for found in (ranked(BEST, thin), ranked(replace(BEST, basis="within one launch"), SECOND), ranked(BEST, SECOND, thin)):
        said = answered(found)["How sure"]
        assert "Supposing a spread between jobs of 2.5 %, which nobody measured, it is first with a probability of 97 %" in said
        assert not {"likely", "certain", "by"} & set(said.lower().split())
        rows = words(ranking.standings(found.rankings[0], 1)).splitlines()
        assert all("% by a supposed spread" in row for row in rows)


def test_nobody_is_first_where_fewer_than_two_are_ranked() -> None:
    alone = ranked(standing("Alpha", 1.0), standing("Beta", None))
    assert answers.cards(alone)[0].heading == "LQFT: only Alpha can be ranked"
    assert "Not at all" in answered(alone)["How sure"]
    assert answers.cards(ranked(standing("Beta", None)))[0].heading == "LQFT: nobody can be ranked"
    assert ranking_figures.first(alone) is None


def test_a_heading_names_the_part_that_it_rests_on_and_what_is_absent_is_missing() -> None:
    found = ranked(BEST, SECOND, **PART)
    assert answers.cards(found)[0].heading == "LQFT: Beta is first, judged by 17 % of what was asked for"
    said = answered(found)
    absent = "Asked for, but Alpha has nothing of it, so it is in no score: fpga, sharing."
    assert said["What is missing"] == f"{absent} Of the rest nothing: every system has all 3 required problems."
    assert "Weights of what is present: lattice 50 %" in said["Who asks"]
    assert "No weight of a single family that is present." in said["What would flip it"]
    assert absent in ranking.standings(found.rankings[0], 1).note
    flip = answered(ranked(BEST, SECOND, flips=(Flip("lattice", 0.25, 0.618, "Alpha"),), **PART))["What would flip it"]
    assert flip == "If lattice weighed more than 62 % of what is present (now 25 %), Alpha would be first."
    lead = ranked(BEST, replace(SECOND, told=False), **PART)
    assert (
        answers.cards(lead)[0].heading == "LQFT: Beta leads, but cannot be told from Alpha, judged by 17 % of what was asked for"
    )
    assert answered(ranked(BEST, SECOND))["What is missing"].startswith("Nothing: every")
    assert answers.cards(ranked(BEST, SECOND, present=0.996))[0].heading == "LQFT: Beta is first"


def test_what_is_absent_is_said_once_of_real_records() -> None:
    asked = Weights("mix", "all", "somebody", {"lattice": 1.0, "fpga": 1.0}, other=0.0)
    files, labels = readings((ALPHA, BETA))
    found = find(systems(files, {}, labels), "Alpha", [asked], frozenset())
    (card,) = answers.cards(found)
    assert card.heading == "mix: Beta is first, judged by 50 % of what was asked for"
    assert "".join(said for _, sentences in card.answers for said in sentences).count("fpga") == 1
    assert ranking.standings(found.rankings[0], 1).note.count("fpga") == 1


def test_a_use_case_of_which_the_reference_has_nothing_says_so() -> None:
    asked = replace(LQFT, families={"fpga": 1.0})
    none = Ranking("Alpha", asked, {}, (standing("Alpha", None),), (), 10_000, present=0.0)
    found = replace(findings(ALPHA, BETA), rankings=(none,))
    assert answers.cards(found)[0].heading == "LQFT: Alpha has nothing of it, so nobody can be ranked"
    assert "in no score: fpga." in answered(found)["What is missing"]
    table = ranking.standings(none, 1)
    assert not table.rows
    assert "fpga" in table.empty


def test_what_several_weightings_lack_alike_is_said_once() -> None:
    found = ranked(BEST, SECOND, standing("Gamma", None))
    twice = replace(found, rankings=(*found.rankings, replace(found.rankings[0], weights=replace(LQFT, name="mix"))))
    assert answered(twice, 1)["What is missing"] == "As for LQFT, above."


@pytest.mark.parametrize(
    ("probability", "said"),
    [(1.0, "over 99.9 %"), (0.995, "99.5 %"), (0.93, "93 %"), (0.034, "3.4 %"), (0.005, "0.5 %"), (0.0, "under 0.1 %")],
)
def test_a_probability_is_never_quite_none_or_all(probability: float, said: str) -> None:
    assert answers.chance(probability) == said


def test_a_ranking_table_gives_places_only_to_the_ranked_and_their_distance_from_the_first() -> None:
    found = ranked(BEST, SECOND, standing("Delta", 0.9, 0.01, told=False), standing("Gamma", None))
    table = ranking.standings(found.rankings[0], 1)
    assert table.columns[4:6] == ("The first over it", "Told from the first")
    assert words(table).splitlines() == [
        "1 | Beta | 1.250 | 1.125 to 1.375 between jobs | it is first | – | 97 % | 97 % | nothing",
        "2 | Alpha | 1.000 | reference | 1.250 1.200 to 1.300 | told | 3 % | 3 % | nothing",
        "3 | Delta | 0.900 | 0.810 to 0.990 between jobs | 1.389 1.333 to 1.444 | not told | 1 % | 1 % | nothing",
        "not ranked | Gamma | – | – | – | – | – | – | 3 problems",
    ]
    assert words(ranking.missing(found)).splitlines() == [
        "Gamma | no build | lattice/cg@1/M/float64, ml/x@1/M/float64",
        "Gamma | wrong | ml/y@1/M/float64",
    ]
    assert words(ranking.families(found)).splitlines()[0] == "lattice | 1.000 | 1.250 | 1"


def test_a_reference_that_nobody_chose_is_said_in_card_and_table() -> None:
    chosen, unchosen = findings(ALPHA, BETA, reference="Alpha"), findings(ALPHA, BETA)
    assert cautions.UNCHOSEN in answered(unchosen)["To know"]
    assert cautions.UNCHOSEN in ranking.standings(unchosen.rankings[0], 1).note
    assert cautions.UNCHOSEN not in str([*answered(chosen).values(), ranking.standings(chosen.rankings[0], 1).note])


def _flagged(of: Case, outcome: Outcome) -> Outcome:
    assert outcome.measurement is not None
    flags = {"other_streams": 0.3, "tuned_to_shape": 0.1} if of.workload.startswith("lattice") else {"other_streams": 0.3}
    return replace(outcome, measurement=replace(outcome.measurement, flags=flags))


def _made(changed: Any, weights: Weights = LQFT) -> str:
    files, labels = readings((ALPHA, Made("Beta", {"lattice": 1.5}, change=_flagged), Made("Gamma", {}, change=_flagged)))
    files = [replace(file, runs=tuple(changed(run, name) for run in file.runs)) for file, name in zip(files, labels, strict=True)]
    found = find(systems(files, {}, labels), "Alpha", [weights], frozenset())
    return answered(found).get("To know", "")


def test_flags_and_unlike_suites_of_what_counts_are_counted_in_a_sentence() -> None:
    def changed(run: Any, name: str) -> Any:
        if name == "Alpha":
            return run
        return replace(run, provenance=replace(run.provenance, dirty=name == "Gamma", commit="b" * 40))

    said = _made(changed)
    assert "Of 15 results that count, 10 have flags: other streams 10, tuned to shape 4; " in said
    assert "1 of 3 systems ran a suite changed since its commit: Gamma; the systems ran 2 versions of the suite." in said
    alone = _made(lambda run, _: run, Weights("l", "l", "l", {"lattice": 1.0}, other=0.0))
    assert "Of 6 results that count, 4 have flags: other streams 4, tuned to shape 4." in alone
    assert "suite" not in alone


def test_the_page_says_what_it_cannot_see_and_what_has_no_place_on_it() -> None:
    files, labels = readings((ALPHA, BETA))
    page = " ".join(html.render(Report(files, labels, {}, (), [LQFT])).split())
    for said in (
        "These places count only if the records are of all jobs that were run",
        "A job that was left out shows nowhere.",
        "flatters close choices",
        "on different days or nodes where that is possible",
        "it supposes differences between bids of a few standard errors",
        "Committed figures (what a vendor promises) and projected ones have no place on it",
    ):
        assert page.count(said) == 1, said
