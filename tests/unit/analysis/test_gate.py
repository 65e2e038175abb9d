"""The gate's decision: its error rates by simulation, and what it says of odd data."""

import math
from collections import Counter

import numpy as np
import pytest

from ngtbench.analysis import gate
from ngtbench.analysis.gate import decide
from tests.unit.analysis.noise import LEVELS, log_ratios

TRIALS = 4000
Simulated = dict[tuple[str, float], tuple[Counter[str], float]]


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    """Return the share of each verdict and the mean pairs, per level and slowdown; pairs are shown one by one."""
    found = {}
    for place, (name, level) in enumerate(LEVELS.items()):
        for slowdown in (0.0, 0.10):
            states: Counter[str] = Counter()
            used = 0
            for row in log_ratios(level, slowdown, TRIALS, 40, seed=100 + place).tolist():
                pairs, state = _verdict(row)
                states[state] += 1
                used += pairs
            found[name, slowdown] = states, used / TRIALS
    return found


def _verdict(row: list[float], tolerance: float = 0.05) -> tuple[int, str]:
    for pairs in range(gate.MIN_PAIRS, len(row) + 1):
        state = decide(row[:pairs], tolerance=tolerance).state
        if state != "continue":
            return pairs, state
    raise AssertionError("no verdict at the last pair")


@pytest.mark.parametrize("level", LEVELS)
def test_unchanged_code_fails_in_half_a_per_cent_at_most(simulated: Simulated, level: str) -> None:
    assert simulated[level, 0.0][0]["fail"] <= 0.005 * TRIALS


@pytest.mark.parametrize(("level", "least"), [("quiet", 0.99), ("typical", 0.99), ("noisy", 0.60), ("bimodal", 0.60)])
def test_unchanged_code_gets_a_decision(simulated: Simulated, level: str, least: float) -> None:
    states = simulated[level, 0.0][0]
    assert states["pass"] + states["fail"] >= least * TRIALS


@pytest.mark.parametrize("level", LEVELS)
def test_ten_per_cent_are_caught(simulated: Simulated, level: str) -> None:
    states = simulated[level, 0.10][0]
    assert states["fail"] >= 0.97 * TRIALS
    assert states["pass"] < 0.01 * TRIALS


@pytest.mark.parametrize(("level", "most"), [("quiet", 8), ("typical", 13)])
def test_few_pairs_are_enough_where_it_is_quiet(simulated: Simulated, level: str, most: float) -> None:
    assert simulated[level, 0.0][1] <= most


def test_equal_launches_pass() -> None:
    decision = decide([0.0] * 6)
    assert (decision.state, decision.estimate, decision.half_width, decision.p) == ("pass", 0.0, 0.0, 1.0)


def test_a_constant_slowdown_fails_and_a_constant_gain_passes() -> None:
    assert decide([math.log(1.1)] * 6).state == "fail"
    assert decide([math.log(0.8)] * 6).state == "pass"


@pytest.mark.parametrize("count", [0, 1, 2, 5, 7, 9])
def test_too_few_pairs_or_an_odd_number_go_on(count: int) -> None:
    assert decide([0.001 * k for k in range(count)]).state == "continue"


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_fewer_than_six_pairs_never_decide(count: int) -> None:
    assert decide([0.5] * count, max_pairs=max(1, count)).state == ("continue" if count == 0 else "inconclusive")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("others", [[], [0.0] * 5, [0.5] * 39])
def test_what_is_no_number_is_inconclusive(bad: float, others: list[float]) -> None:
    decision = decide([*others, bad])
    assert decision.state == "inconclusive"
    assert "not numbers" in decision.reason


def test_noise_without_end_is_inconclusive_at_the_last_pair_and_not_before() -> None:
    swing = [0.4, -0.4] * 20
    assert decide(swing[:38]).state == "continue"
    assert decide(swing).state == "inconclusive"
    assert decide(swing[:10], max_pairs=10).state == "inconclusive"


def test_a_single_burst_does_not_fail() -> None:
    assert decide([0.001, -0.002, 0.0, 0.5, 0.002, -0.001, 0.0, 0.001, -0.001, 0.002]).state == "pass"


def test_what_is_known_to_two_per_cent_and_below_the_tolerance_passes() -> None:
    below = decide([0.045 + 0.009 * (-1) ** k for k in range(6)])
    assert below.estimate is not None
    assert below.half_width is not None
    assert below.estimate + below.half_width > math.log(1.05)
    assert below.half_width < gate.TIGHT
    assert below.state == "pass"


@pytest.mark.parametrize("tolerance", [0.005, 0.01])
def test_twice_a_small_tolerance_does_not_pass_by_chance(tolerance: float) -> None:
    draw = np.random.default_rng(5)
    rows = math.log1p(2 * tolerance) + 0.02 * draw.standard_normal((1000, 40))
    states = Counter(state for row in rows.tolist() for state in [_verdict(row, tolerance)[1]])
    assert states["pass"] <= 10
    assert states["fail"] >= 500


def test_tolerance_moves_the_line() -> None:
    slow = [0.04 + 0.001 * (k % 3) for k in range(6)]
    assert decide(slow).state == "pass"
    assert decide(slow, tolerance=0.025).state == "fail"


@pytest.mark.parametrize(("tolerance", "max_pairs"), [(0.0, 40), (-0.1, 40), (math.nan, 40), (0.05, 0)])
def test_a_rule_that_makes_no_sense_is_refused(tolerance: float, max_pairs: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        decide([0.0] * 6, tolerance=tolerance, max_pairs=max_pairs)


@pytest.mark.parametrize(("sd", "needed"), [(0.0, 6), (0.01, 6), (0.02, 11), (0.03, 19), (0.05, 46), (0.08, 110)])
def test_pairs_needed(sd: float, needed: int) -> None:
    assert gate.pairs_needed(sd) == needed


def test_modes_are_two_groups_of_two_at_least() -> None:
    fast, slow = [22.5, 22.51, 22.52, 22.49], [25.5, 25.52]
    found = gate.modes([fast[0], slow[0], *fast[1:], slow[1]])
    assert found is not None
    assert (found.fast, found.slow) == (tuple(sorted(fast)), tuple(sorted(slow)))
    assert gate.modes([*fast, 22.53, 25.5]) is None  # one slow launch is no mode
    assert gate.modes([20.0, 21.0, 22.0, 23.0, 24.0, 25.0]) is None  # a spread without a gap
    assert gate.modes([1.0] * 8) is None
    assert gate.modes(fast) is None
    assert gate.modes([0.0, *fast, *slow]) is None
