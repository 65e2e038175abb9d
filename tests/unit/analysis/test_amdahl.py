"""Parts of a whole come from records of the same problem and place alone; what they bound is Amdahl's law."""

from dataclasses import replace

import pytest

from ngtbench.analysis import amdahl
from ngtbench.analysis.results import results
from ngtbench.model.case import Metric, Work
from ngtbench.model.record import Outcome, RunRecord
from tests.records import VERDICT, case, measurement, run

GENERATOR = "generators/matrix_element"
FLOP = 2527


def taken(
    size: str, time_s: float, events: int = 1000, flop: int = FLOP, threads: int = 8, workload: str = GENERATOR
) -> RunRecord:
    samples = [time_s * (1 + 0.001 * ((7 * k) % 11 - 5)) for k in range(44)]
    work = Work(flop * events, 8 * events, 8 * events, events, "matrix element")
    outcome = Outcome("done", measurement=measurement(samples), verdict=VERDICT, work=work, metrics=(Metric("wall_s"),))
    return run(outcome, case(workload, size=size), threads=threads)


def shares(*runs: RunRecord) -> dict[str, float]:
    return {part.what: part.share for part in amdahl.parts(results(runs))}


def test_a_chain_is_matrix_elements_and_the_rest() -> None:
    elements, rest = amdahl.parts(results([taken("M-x-chain", 0.01), taken("M-x", 0.008)]))
    assert (elements.what, rest.what) == ("matrix elements", "all but matrix elements")
    assert elements.share == pytest.approx(0.8, rel=1e-3)
    assert elements.speedup == pytest.approx(5.0, rel=1e-2)
    assert rest.share == pytest.approx(0.2, rel=1e-2)
    assert rest.speedup == pytest.approx(1.25, rel=1e-2)
    assert elements.low is not None and elements.high is not None
    assert elements.low < elements.share < elements.high
    assert rest.low == pytest.approx(1 - elements.high)
    assert rest.high == pytest.approx(1 - elements.low)
    low, high = amdahl.bounds(elements) or (0.0, None)
    assert high is not None
    assert low < 5 < high


def test_times_are_per_event_where_batches_differ() -> None:
    found = shares(taken("L-x-chain", 0.02, events=2000), taken("L-x", 0.005))
    assert found["matrix elements"] == pytest.approx(0.5, rel=1e-3)


def test_a_variant_may_be_the_plain_size_where_the_flop_say_so() -> None:
    assert shares(taken("M-x-chain", 0.01), taken("M", 0.005))["matrix elements"] == pytest.approx(0.5, rel=1e-3)
    assert shares(taken("M-x-chain", 0.01), taken("M", 0.005, flop=FLOP + 1)) == {}


@pytest.mark.parametrize(
    "other",
    [
        taken("M-y", 0.005),
        taken("S-x", 0.005),
        taken("M-x", 0.005, threads=4),
        taken("M-x", 0.005, flop=2 * FLOP),
        taken("M-x", 0.005, workload="generators/helicity_sampled"),
        run(Outcome("skipped", reason="no"), case(GENERATOR, size="M-x")),
        replace(taken("M-x", 0.005), provenance=replace(taken("M-x", 1).provenance, profiler="perf")),
    ],
)
def test_another_problem_place_or_state_is_no_part(other: RunRecord) -> None:
    assert shares(taken("M-x-chain", 0.01), other) == {}


def test_a_part_that_takes_as_long_as_the_whole_bounds_nothing() -> None:
    elements, rest = amdahl.parts(results([taken("M-x-chain", 0.01), taken("M-x", 0.012)]))
    assert elements.share == pytest.approx(1.2, rel=1e-3)
    assert elements.speedup is rest.speedup is None
    assert elements.reason is not None
    assert "as long as the whole" in elements.reason
    assert amdahl.bounds(elements) is None


def test_a_share_that_may_be_all_has_no_upper_bound() -> None:
    elements, _ = amdahl.parts(results([taken("M-x-chain", 0.01), taken("M-x", 0.00999)]))
    found = amdahl.bounds(elements)
    assert found is not None
    assert found[1] is None
    assert found[0] > 1


@pytest.mark.parametrize(("workload", "count"), [("ml/jet_mlp", 2), ("system/launch", 0)])
def test_a_call_is_work_on_the_device_and_the_rest(workload: str, count: int) -> None:
    outcome = Outcome(
        "done",
        measurement=measurement([0.01] * 44, device_s=[0.002] * 44),
        verdict=VERDICT,
        work=Work(100, 100, 100, 10, "sample"),
        metrics=(Metric("wall_s"),),
    )
    found = amdahl.parts(results([run(outcome, case(workload), "cuda:0")]))
    assert len(found) == count
    if count:
        assert (found[0].what, found[1].what) == ("work on the device", "all but work on the device")
        assert found[1].share == pytest.approx(0.8)
        assert found[1].speedup == pytest.approx(5.0)
