"""When sampling ends, and which flags the samples earn: noise earns none."""

import random

import pytest

from ngtbench.harness import stopping
from ngtbench.model.record import Health

FINE = (1e-3, 1e-9)  # sample, resolution


def noise(seed: int, count: int, spread: float, slope: float = 0.0) -> list[float]:
    chance = random.Random(seed)
    return [1e-3 * (1 + slope * index / count + spread * chance.gauss(0, 1)) for index in range(count)]


@pytest.mark.parametrize(("count", "spread"), [(12, 0.05), (40, 0.05), (1000, 0.3)])
def test_noise_is_not_called_drift(count: int, spread: float) -> None:
    flagged = sum("drift" in stopping.flags(noise(seed, count, spread), *FINE) for seed in range(300))
    assert flagged <= 9  # 1 % is wanted


@pytest.mark.parametrize(("count", "slope"), [(12, 0.03), (100, 0.02), (1000, -0.02)])
def test_drift_is_found_with_its_figure(count: int, slope: float) -> None:
    found = [stopping.flags(noise(seed, count, 0.003, slope), *FINE).get("drift") for seed in range(50)]
    assert all(change is not None and abs(change / slope - 1) < 0.5 for change in found)


def test_a_drift_below_one_per_cent_is_not_flagged() -> None:
    assert stopping.drift(noise(1, 1000, 0.0001, 0.008)) == pytest.approx(0.008, rel=0.1)
    assert "drift" not in stopping.flags(noise(1, 1000, 0.0001, 0.008), *FINE)


def test_autocorrelation_is_flagged_where_few_samples_could_not_show_it_by_chance() -> None:
    flagged = sum("autocorrelated" in stopping.flags(noise(seed, 10, 0.01), *FINE) for seed in range(300))
    assert flagged <= 9
    assert stopping.flags([1.0, 2.0] * 20, *FINE)["autocorrelated"] < -0.9
    assert stopping.flags([1.0 + 0.001 * index for index in range(100)], *FINE)["autocorrelated"] > 0.9


def test_equal_samples_of_a_fine_timer_earn_no_flag() -> None:
    assert stopping.flags([1e-3] * 20, *FINE) == {}


def test_equal_samples_of_a_coarse_timer_are_not_taken_for_certainty() -> None:
    found = stopping.flags([0.105] * 20, 0.105, 0.015)
    assert found == {"timer_coarse": pytest.approx(1 / 7), "not_converged": pytest.approx(1 / 14)}
    assert not stopping.enough([0.105] * 20, 1 / 7)


def test_one_sample_says_nothing() -> None:
    assert stopping.flags([1e-3], *FINE) == {"not_converged": 1.0}


def test_few_samples_have_not_converged_however_equal() -> None:
    assert stopping.flags([1e-3] * 9, *FINE) == {"not_converged": pytest.approx(5e-7)}


@pytest.mark.parametrize(("resolution_s", "flagged"), [(0.9e-6, False), (1.1e-6, True)])
def test_a_sample_shorter_than_a_thousand_steps_is_coarse(resolution_s: float, flagged: bool) -> None:
    assert ("timer_coarse" in stopping.flags([1e-3] * 20, 1e-3, resolution_s)) == flagged


def test_what_timing_costs_is_flagged_above_five_per_cent() -> None:
    assert "overhead" not in stopping.flags([1e-3] * 20, *FINE, 0.049)
    assert stopping.flags([1e-3] * 20, *FINE, 0.051)["overhead"] == 0.051


def test_the_median_must_be_known_from_enough_samples() -> None:
    assert not stopping.enough([1.0] * 9, 0.0)
    assert stopping.enough([1.0] * 10, 0.0)
    assert not stopping.enough([1.0, 2.0] * 10, 0.0)


def test_dependent_samples_count_for_less() -> None:
    chance, level, walk = random.Random(3), 0.0, []
    for _ in range(400):
        level = 0.95 * level + 0.02 * chance.gauss(0, 1)
        walk.append(1 + level)
    shuffled = walk[:]
    chance.shuffle(shuffled)
    assert stopping.enough(shuffled, 0.0)
    assert not stopping.enough(walk, 0.0)


def test_steady_is_five_samples_within_one_per_cent() -> None:
    assert not stopping.steady([1.0] * 4)
    assert stopping.steady([9.0, 1.0, 1.009, 0.991, 1.0, 1.0])
    assert not stopping.steady([1.0, 1.02, 0.99, 1.0, 1.0])


def test_a_gpu_at_rest_at_one_end_had_another_clock_by_itself() -> None:
    idle, busy = Health(clock_hz=3e8, throttle=("gpu_idle",)), Health(clock_hz=2e9, throttle=())
    assert stopping.moved(idle, busy) == stopping.moved(busy, idle) == {}
    assert "clock_moved" in stopping.moved(Health(clock_hz=3e8, throttle=()), busy)
    assert "clock_moved" in stopping.moved(idle, Health(clock_hz=6e8, throttle=("gpu_idle",)))


@pytest.mark.parametrize(("after_hz", "found"), [(1.04e9, {}), (0.9e9, {"clock_moved": pytest.approx(-0.1)}), (None, {})])
def test_a_clock_that_moved_is_told_by_how_much(after_hz: float | None, found: dict[str, float]) -> None:
    assert stopping.moved(Health(clock_hz=1e9), Health(clock_hz=after_hz)) == found


def test_a_timer_that_was_set_meanwhile_is_told_by_how_much() -> None:
    assert stopping.stepped(1.005, 1.0) == {}
    assert stopping.stepped(0.8, 1.0) == {"timer_stepped": pytest.approx(-0.2)}
    assert stopping.stepped(-3.0, 1.0) == {"timer_stepped": pytest.approx(-4.0)}
