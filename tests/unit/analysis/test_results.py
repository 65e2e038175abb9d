"""Launches become one result; one bad launch voids it, and no record is believed against its own figures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ngtbench.analysis.results import identity, results
from ngtbench.model.case import Metric, Work
from ngtbench.model.comparison import Result
from ngtbench.model.record import Energy, Health, Outcome
from tests.machines import cpu, machine
from tests.records import STEADY, VERDICT, done, measurement, run


def test_launches_of_a_case_are_one_result() -> None:
    scales = (1.0, 1.02, 0.99)
    (found,) = results([run(done([scale * x for x in STEADY]), launch=k) for k, scale in enumerate(scales)])
    assert (found.status, found.launches) == ("done", 3)
    assert found.figure is not None
    assert found.figure.value == pytest.approx(1e-3 * (1.02 * 0.99) ** (1 / 3))
    assert found.rate(24_000_000) == pytest.approx(24e9 / (1.02 * 0.99) ** (1 / 3))
    assert found.inputs == ((1, "00ff"), (2, "00ff"), (3, "00ff"))


def test_other_resources_are_another_result() -> None:
    assert len(results([run(), run(threads=4), run(device="cuda:0")])) == 3


@pytest.mark.parametrize("status", ["wrong", "failed"])
def test_one_bad_launch_voids_the_case(status: str) -> None:
    bad = Outcome("wrong", reason="off by one") if status == "wrong" else Outcome("failed", reason="off by one")
    (found,) = results([run(launch=0), run(bad, launch=1), run(launch=2)])
    assert found.status == status
    assert found.reason == "1 of 3 launches, first in launch 1: off by one"
    assert found.metric is None
    assert found.intervals == {}


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (replace(done(), verdict=None), "no verdict that passed"),
        (replace(done(), verdict=replace(VERDICT, passed=False)), "no verdict that passed"),
        (replace(done(), measurement=None), "no measurement"),
        (replace(done(), metrics=()), "no measurement, work or metric"),
        (replace(done(), work=None), "no measurement, work or metric"),
        (done([]), "wall_s has no samples"),
        (done([1.0, float("nan")]), "cannot be a measured number"),
        (done([1.0, 1e200]), "cannot be a measured number"),
        (done([1.0, 1e-200]), "cannot be a measured number"),
        (done(work=Work(-1, 1, 1, 1, "site")), "impossible work"),
        (done(work=Work(10**400, 1, 1, 1, "site")), "impossible work"),
        (done([1.0, 0.0]), "not positive"),
        (done([1e-8] * 9), "shorter than a step of its timer"),
        (replace(done(), verdict=replace(VERDICT, error=1.0)), "its error 1 is above the tolerance 1e-15"),
        (replace(done(), verdict=replace(VERDICT, error=float("nan"))), "its error nan is above"),
        (replace(done(), verdict=replace(VERDICT, invariants={"x": (5.0, 1e-6)})), "its invariant x is beyond the bound"),
        (replace(done(), verdict=replace(VERDICT, invariants={"x": (None, 1e-6)})), "its invariant x is beyond the bound"),
        (replace(done(), metrics=(Metric("latency_p99_s"),)), "latency_p99_s has no samples"),
    ],
)
def test_a_record_that_contradicts_itself_is_failed(outcome: Outcome, words: str) -> None:
    (found,) = results([run(outcome)])
    assert found.status == "failed"
    assert words in (found.reason or "")


def jobs(*samples: Sequence[float], **changes: Any) -> Result:
    """Return the result of jobs that took these samples."""
    runs = [run(done(taken)) for taken in samples]
    runs = [replace(one, provenance=replace(one.provenance, job=f"job {k}")) for k, one in enumerate(runs)]
    (found,) = results([*runs[:-1], replace(runs[-1], provenance=replace(runs[-1].provenance, **changes))])
    return found


def test_copies_count_once_whatever_job_they_name() -> None:
    found = jobs(STEADY, STEADY, STEADY)
    assert (found.launches, len(found.jobs), found.flags) == (1, 1, {"copied": 2.0})
    found = jobs(STEADY, [2 * x for x in STEADY], [1e-3] * 9, [1e-3] * 9)  # equal numbers tell nothing
    assert (found.launches, len(found.jobs), found.flags) == (4, 4, {})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tier": "optimised"}, "of different tiers: optimised, ported"),
        ({"commit": "beef"}, "of different states of the suite: 0.1.0 beef, 0.1.0 c0ffee"),
        ({"dirty": True}, "with changes"),
        ({"suite": "0.2.0"}, "different states of the suite"),
        ({"job": "job 0"}, "launch 0 of job 0 stands twice, with different samples"),
    ],
)
def test_launches_that_do_not_belong_together_are_no_result(changes: dict[str, Any], words: str) -> None:
    found = jobs(STEADY, [2 * x for x in STEADY], **changes)
    assert found.status == "failed"
    assert words in (found.reason or "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"started_at": "9999-99-99"}, "begun at '9999-99-99', which is no time"),
        ({"started_at": "1901-01-01T00:00:00+00:00"}, "in the year 1901"),
        ({"started_at": "2199-01-01T00:00:00+00:00"}, "in the year 2199"),
        ({"wall_s": -5.0}, "took less than no time"),
    ],
)
def test_time_travel_is_named(changes: dict[str, Any], words: str) -> None:
    found = jobs(STEADY, **changes)
    assert found.status == "failed"
    assert words in (found.reason or "")


def test_launches_that_did_different_work_are_failed() -> None:
    (found,) = results([run(launch=0), run(done(work=Work(1, 1, 1, 1, "site")), launch=1)])
    assert found.status == "failed"


def test_the_worst_of_the_launches_is_kept() -> None:
    outcomes = []
    for flag, error, reasons in ((-0.03, 1e-17, ("gpu_idle",)), (0.02, 5e-16, ("app_clocks", "power cap"))):
        taken = replace(
            measurement([(1 + flag) * x for x in STEADY]),
            flags={"drift": flag},
            after=Health(throttle=reasons),
            energy=Energy(10.0, 0.1, None, None, "NVML", "of the whole module"),
        )
        outcomes.append(replace(done(), measurement=taken, verdict=replace(VERDICT, error=error)))
    (found,) = results([run(outcome, launch=k) for k, outcome in enumerate(outcomes)])
    assert found.flags == {"drift": -0.03}
    assert found.throttle == ("power cap",)
    assert found.verdict is not None
    assert found.verdict.error == 5e-16
    assert found.power_w == pytest.approx(100.0)
    assert found.power_said == "NVML; of the whole module"


def test_launches_that_fall_into_two_groups_are_shown() -> None:
    scales = (1.0, 1.12, 1.001, 1.121, 0.999, 1.119, 1.0002, 1.1202)
    (found,) = results([run(done([scale * x for x in STEADY]), launch=k) for k, scale in enumerate(scales)])
    assert found.modes is not None
    assert (len(found.modes.fast), len(found.modes.slow)) == (4, 4)
    (found,) = results([run(done([(1 + 0.01 * k) * x for x in STEADY]), launch=k) for k in range(8)])
    assert found.modes is None


def joules(*given: float | None, error_j: float | None = 0.5, metric: str = "wall_s") -> Result:
    outcomes = []
    for j in given:
        taken = replace(
            measurement([1e-3] * 10, **{metric: [1.0] * 10}), calls=4, energy=Energy(j, 0.04, 20.0, error_j, "NVML", None)
        )
        outcomes.append(replace(done(), measurement=taken, metrics=(Metric(metric),)))
    (found,) = results([run(outcome, launch=k) for k, outcome in enumerate(outcomes)])
    return found


def test_energy_is_of_every_event_of_every_launch() -> None:
    found = joules(8.0, 12.0)
    assert found.event_j == pytest.approx(20.0 / (2 * 10 * 4 * 1_000_000))  # WORK counts a million elements a call
    assert found.event_error == pytest.approx(1.0 / 20.0)
    assert found.idle_w == pytest.approx(20.0)
    assert found.event_net_j == pytest.approx((20.0 - 2 * 0.04 * 20.0) / (2 * 10 * 4 * 1_000_000))


def test_energy_of_trials_is_of_the_samples_they_count() -> None:
    def found(**series: list[float]) -> Result:
        kept = {name: tuple(values) for name, values in series.items()}
        taken = replace(measurement(), series=kept, energy=Energy(6.0, 0.5, None, None, "RAPL", None))
        (one,) = results([run(replace(done(), measurement=taken, metrics=(Metric("per_sample_s"),)))])
        return one

    counted = {"per_sample_s": [1e-3] * 3, "samples": [100.0, 200.0, 300.0]}
    one = found(**counted, energy_j=[1.0, 2.0, 3.0])
    assert one.event_j == pytest.approx(6.0 / 600.0)
    assert one.event_net_j is None, "idle power is not known"
    assert found(**counted).event_j is None, "a window of all trials holds more"


def test_energy_without_an_error_has_none() -> None:
    assert joules(8.0, error_j=None).event_error is None


def test_energy_that_a_launch_lacks_or_that_trials_spend_is_no_figure() -> None:
    assert joules(8.0, None).event_j is None
    assert joules(8.0, metric="latency_s").event_j is None


def test_energy_to_the_target_is_of_each_training_the_share_until_then() -> None:
    def found(**series: list[float]) -> Result:
        taken = measurement([10.0, 20.0, 10.0], to_target_s=[5.0, 5.0, 1.0], **series)
        (one,) = results([run(replace(done(), measurement=taken, metrics=(Metric("to_target_s"),)))])
        return one

    assert found(energy_j=[100.0, 80.0, 50.0]).target_j == pytest.approx(20.0)  # of 50, 20 and 5
    assert found().target_j is None
    assert joules(8.0).target_j is None


def test_a_machine_discovered_again_is_the_same() -> None:
    assert identity(machine()) == identity(replace(machine(), taken_at="2027-01-01T00:00:00+00:00"))
    assert identity(machine()) != identity(machine(processor=cpu(threads=4)))
