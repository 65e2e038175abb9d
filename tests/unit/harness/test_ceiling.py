"""More than the data sheet allows is an error, never a record speed; what cannot be judged is left alone."""

from dataclasses import replace
from typing import Any

import pytest

from ngtbench.discover import profiles
from ngtbench.harness import ceiling
from ngtbench.model.case import Job, Resources, Work
from ngtbench.model.machine import Cpu, Device, HardwareProfile, Match, Peak, Quantity
from ngtbench.model.record import Outcome
from tests.machines import cpu, gpu, machine
from tests.records import case, done, measurement

CACHE_B = 2**20
UNKNOWN = Quantity(None, "x", (), "not given")


def quantity(value: float | None) -> Quantity:
    return replace(UNKNOWN, value=value)


def peak(rate: float | None, clock_hz: float | None = 1e9) -> Peak:
    return Peak(quantity(rate), UNKNOWN, quantity(clock_hz))


def sheet(**changes: Any) -> HardwareProfile:
    """A device of 1 TFLOP/s in float64, 2 by its matrix units, and 100 GB/s."""
    real = next(iter(profiles.load().values()))
    peaks = {"float64/vector": peak(1e12), "float64/matrix": peak(2e12), "float32/vector": peak(None)}
    fixed: dict[str, Any] = {"id": "card", "peaks": peaks, "bandwidth_b_per_s": quantity(100e9), "units": quantity(8)}
    return replace(real, **fixed | {"last_level_cache_b": quantity(CACHE_B)} | changes)


def work(flop: int = 0, moved_b: int = 0, memory_b: int = 100 * CACHE_B) -> Work:
    return Work(flop=flop, bytes=moved_b, memory_b=memory_b, events=1, event="element")


def excess(
    of: Work, device: Device | None = None, dtype: str = "float64", samples: tuple[float, ...] = (1.0,) * 10, **changes: Any
) -> str | None:
    device = device or gpu()
    job = Job(case(dtype=dtype), Resources(device.id, 8, False), "torch", "ported", 0, 1)
    return ceiling.excess(done(samples, of), job, device, sheet(**changes))


def test_arithmetic_beyond_the_highest_peak_is_an_error() -> None:
    assert excess(work(flop=int(1.99e12))) is None
    assert excess(work(flop=int(2.02e12))) == (
        "reaches 101 % of the data sheet's float64 peak of 2 TFLOP/s: "
        "the work was not done, the clock is wrong, or hardware/card.toml is"
    )


def test_bytes_beyond_the_bandwidth_are_an_error_unless_a_cache_may_deliver_them() -> None:
    assert excess(work(moved_b=int(99e9))) is None
    assert "of the data sheet's memory bandwidth of 100 GB/s" in (excess(work(moved_b=int(101e9))) or "")
    assert excess(work(moved_b=int(101e9), memory_b=4 * CACHE_B)) is None
    assert excess(work(moved_b=int(101e9)), last_level_cache_b=UNKNOWN) is None


def test_one_impossible_sample_is_enough() -> None:
    assert excess(work(flop=int(1e12)), samples=(1.0,) * 9 + (0.4,)) is not None


def test_a_sample_may_have_taken_a_step_of_the_timer_more() -> None:
    taken = replace(measurement([0.495]), timer_resolution_s=0.01)
    job = Job(case(), Resources("cuda:0", 8, False), "torch", "ported", 0, 1)
    outcome = replace(done(work=work(flop=int(1e12))), measurement=taken)
    assert ceiling.excess(outcome, job, gpu(), sheet()) is None
    precise = replace(outcome, measurement=replace(taken, timer_resolution_s=1e-9))
    assert ceiling.excess(precise, job, gpu(), sheet()) is not None


def test_a_card_that_boosts_beyond_its_data_sheet_is_allowed_to() -> None:
    assert excess(work(flop=int(2.2e12)), replace(gpu(), clock_max_hz=1.2e9)) is None
    assert excess(work(flop=int(2.5e12)), replace(gpu(), clock_max_hz=1.2e9)) is not None
    assert excess(work(flop=int(2.2e12)), replace(gpu(), clock_max_hz=0.5e9)) is not None
    assert excess(work(flop=int(1.9e12)), replace(gpu(), clock_max_hz=0.5e9)) is None


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_dtype_without_a_known_peak_is_not_judged(dtype: str) -> None:
    assert excess(work(flop=10**18), dtype=dtype) is None


def processor(**changes: Any) -> Cpu:
    fixed: dict[str, Any] = {"cores": 8, "clock_max_hz": 2e9, "turbo": True}
    return replace(cpu(8), **fixed | changes)


def test_a_processor_is_judged_by_the_cores_it_was_given_at_their_highest_clock() -> None:
    units = quantity(16)  # of a socket; 8 threads get half of 2 TFLOP/s, and the boost doubles it
    assert excess(work(flop=int(1.99e12)), processor(), units=units) is None
    assert excess(work(flop=int(2.01e12)), processor(), units=units) is not None


@pytest.mark.parametrize("changes", [{"clock_max_hz": None}, {"clock_max_hz": 1e9}])
def test_a_processor_whose_boost_is_unknown_is_not_judged(changes: dict[str, Any]) -> None:
    assert excess(work(flop=10**15), processor(**changes), units=quantity(16)) is None


def test_without_turbo_the_base_clock_is_the_highest() -> None:
    assert excess(work(flop=10**15), processor(clock_max_hz=1e9, turbo=False), units=quantity(16)) is not None


def test_two_sockets_have_twice_the_bandwidth() -> None:
    big = work(moved_b=int(150e9), memory_b=2**40)
    assert excess(big, processor(sockets=2)) is None
    assert excess(big, processor(sockets=1)) is not None


def test_the_outcome_becomes_failed_and_keeps_its_measurement() -> None:
    job = Job(case(), Resources("cuda:0", 8, False), "torch", "ported", 0, 1)
    fine, bad = done([1.0], work(flop=10**12)), done([1.0], work(flop=10**13))
    assert ceiling.judged(fine, job, gpu(), sheet()) == fine
    assert ceiling.judged(bad, job, gpu(), None) == bad
    judged = ceiling.judged(bad, job, gpu(), sheet())
    assert (judged.status, judged.measurement) == ("failed", bad.measurement)
    assert "reaches 500 %" in (judged.reason or "")


def test_what_is_not_done_is_left_alone() -> None:
    job = Job(case(), Resources("cuda:0", 8, False), "torch", "ported", 0, 1)
    for outcome in (Outcome("wrong", reason="off"), replace(done([1.0], work(flop=10**18)), status="failed"), done([])):
        assert ceiling.judged(outcome, job, gpu(), sheet()) == outcome


def test_sheets_are_of_the_devices_that_matched() -> None:
    matches = (Match("cpu:0", "generic-cpu", (), "unknown"), Match("cuda:0", "h100-sxm5-80gb", ()))
    found = ceiling.sheets(replace(machine(gpu()), matches=matches))
    assert {device: profile.id for device, profile in found.items()} == {"cuda:0": "h100-sxm5-80gb"}
    assert ceiling.sheets(machine()) == {}
