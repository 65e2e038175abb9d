"""An audit shows what is right or fast only at the exact size and seed, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ngtbench import workloads
from ngtbench.analysis import audit
from ngtbench.analysis.results import results
from ngtbench.model.case import Work
from ngtbench.model.comparison import Result
from ngtbench.model.record import Outcome, RunRecord
from tests.records import STEADY, case, done, run

UNIT_S = 1e-9  # per element, of an honest case


def taken(size: str, elements: int, faster: float = 1.0, spread: float = 1.0, launch: int = 0) -> RunRecord:
    work = Work(flop=2 * elements, bytes=24 * elements, memory_b=24 * elements, events=elements, event="element")
    middle = sorted(STEADY)[len(STEADY) // 2]
    samples = [elements * UNIT_S / faster * (1 + spread * (x / middle - 1)) for x in STEADY]
    return run(done(samples, work), of=case(size=size), launch=launch)


def one(records: Sequence[RunRecord]) -> Result:
    (found,) = results(records)
    return found


def audited(exact: float, spread: float = 1.0) -> Result:
    return one(
        [
            taken("S~0", 980_000, spread=spread),
            taken("S", 1_000_000, exact, spread),
            taken("S~1", 1_030_000, spread=spread),
            taken("S~seed", 1_000_000, exact, spread),
        ]
    )


def test_an_honest_case_holds_and_is_alone_in_the_ranking() -> None:
    found = audited(1.0)
    assert (found.case.size, found.status, found.flags) == ("S", "done", {})
    assert found.near == ("S~0", "S~1", "S~seed")


def test_a_case_tuned_to_its_shape_is_flagged_with_how_much() -> None:
    found = audited(2.0)
    assert found.status == "done"
    assert found.flags == {audit.FLAG: pytest.approx(1.0, rel=0.01)}


def test_a_quarter_is_allowed_and_so_is_what_noise_explains() -> None:
    assert audited(1.2).flags == {}
    assert audited(1.3).flags == {audit.FLAG: pytest.approx(0.3, rel=0.01)}
    assert audit.FLAG not in audited(1.3, spread=60.0).flags


def test_it_must_be_faster_than_at_every_size_near_it() -> None:
    good_too = [taken("S~0", 980_000), taken("S", 1_000_000, 2.0), taken("S~1", 1_030_000, 1.9)]
    assert one(good_too).flags == {}


def test_another_seed_decides_where_no_size_is_near() -> None:
    assert one([taken("S", 1000, 2.0), taken("S~seed", 1000)]).flags == {audit.FLAG: pytest.approx(1.0, rel=0.01)}
    assert one([taken("S", 1000, 2.0), taken("S~seed", 1000, 2.0)]).flags == {}


@pytest.mark.parametrize("status", ["wrong", "failed"])
@pytest.mark.parametrize("near", ["S~0", "S~seed"])
def test_what_is_bad_near_is_bad(status: str, near: str) -> None:
    bad = Outcome("wrong", reason="off by one") if status == "wrong" else Outcome("failed", reason="off by one")
    found = one([taken("S", 1000), replace(run(bad, of=case(size=near)), seed=77)])
    assert (found.status, found.case.size) == (status, "S")
    assert found.reason == f"right at S, {status} at {near} (seed 77): off by one"
    assert (found.metric, found.intervals) == (None, {})


def test_a_skip_near_says_nothing() -> None:
    assert one([taken("S", 1000), run(Outcome("skipped", reason="no room"), of=case(size="S~0"))]).status == "done"


def test_a_bad_case_keeps_its_own_reason() -> None:
    found = one([run(Outcome("failed", reason="signal 9"), of=case(size="S")), taken("S~0", 1000)])
    assert (found.status, found.reason) == ("failed", "signal 9")


def test_what_ended_badly_near_a_case_without_a_record_is_not_lost() -> None:
    found = results([taken("S~0", 1000), run(Outcome("failed", reason="signal 9"), of=case(size="S~1"))])
    assert [(result.case.size, result.status) for result in found] == [("S~1", "failed")]


def test_cases_on_other_devices_are_not_near() -> None:
    elsewhere = replace(taken("S~0", 1000), resources=run(device="cuda:0").resources)
    assert one([taken("S", 1000, 2.0), elsewhere]).near == ()


def test_the_mark_of_a_size_near_is_the_workloads() -> None:
    assert (workloads.NEAR, workloads.around(workloads.load("system/launch"), "S")[-1][1:]) == (audit.NEAR, audit.SEED)
