"""Where a batch saturates, read from calls of several numbers of events."""

import pytest

from ngtbench.analysis.saturation import saturation

CURVE = {16: (16e-6,), 32: (17e-6,), 64: (33e-6,), 128: (65e-6,)}


def test_it_is_the_least_number_of_events_at_95_per_cent_of_the_best_rate() -> None:
    assert saturation([CURVE]) == (32, True)
    assert saturation([CURVE | {32: (18.2e-6,)}]) == (64, True)


def test_a_rate_that_still_grows_is_said() -> None:
    assert saturation([{16: (16e-6,), 32: (16e-6,)}]) == (32, False)
    assert saturation([{16: (16e-6,)}]) == (16, False)


def test_of_all_samples_and_launches_the_undisturbed_one_counts() -> None:
    disturbed = {events: (10 * samples[0], samples[0]) for events, samples in CURVE.items()}
    assert saturation([disturbed]) == (32, True)
    assert saturation([{32: (1.0,)}, CURVE, {32: (1.0,)}]) == (32, True)


@pytest.mark.parametrize("taken", [{}, {16: ()}, {16: (0.0,), 32: (-1.0,)}, {0: (1e-6,)}])
def test_nothing_taken_is_no_saturation(taken: dict[int, tuple[float, ...]]) -> None:
    assert saturation([taken]) is None
    assert saturation([taken, CURVE]) == (32, True)
