"""Estimates of layers: rules, widths, styles, and what is refused."""

from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import Counts, counts, estimate_dense, lut_from_adder_cost, nearest_valid, valid
from ngtbench.kernels.fpga.counts import integers
from ngtbench.kernels.fpga.estimate import lut_of_adders
from ngtbench.kernels.fpga.sweep import sweep

PLAIN: dict[str, Any] = {
    "n_in": 16,
    "n_out": 64,
    "nnz": 859,
    "csd_digits_total": 1867,
    "distinct_input_weight_pairs_csd_ge3": 247,
    "weight_bits": 8,
    "input_bits": 8,
}


def of(**changed: Any) -> Counts:
    return Counts(**{**PLAIN, **changed})


def test_counts_of_weights_known_by_hand() -> None:
    found = counts(np.array([[11, 11, 0], [-3, 4, 21]]), weight_bits=6, input_bits=8)
    assert (found.n_in, found.n_out, found.nnz, found.csd_digits_total) == (2, 3, 5, 3 + 3 + 2 + 1 + 3)
    assert found.distinct_input_weight_pairs_csd_ge3 == 2
    assert found.ebops == 8 * (4 + 4 + 2 + 1 + 5)


def test_real_weights_are_rounded_to_the_finest_scale_that_holds_them() -> None:
    assert integers(np.array([[0.5, -0.25, 0.1]]), 4).tolist() == [[4, -2, 1]]
    assert integers(np.array([[3.0, -8.0]]), 4).tolist() == [[3, -8]]
    whole = np.array([[11, -3], [21, 0]])
    assert (
        counts(whole / 64, weight_bits=8, input_bits=8).csd_digits_total
        == counts(whole, weight_bits=8, input_bits=8).csd_digits_total
    )


@pytest.mark.parametrize(
    ("weights", "bits", "words"),
    [
        (np.array([[1.0, np.nan]]), 8, r"NaN or infinity at \[0, 1\]"),
        (np.ones(3), 8, "shape"),
        (np.array([["one"]]), 8, "real numbers"),
        (np.ones((2, 2)), 0, "weight_bits = 0"),
        (np.array([[200]]), 8, "do not fit 8 bits"),
        (np.ones((2, 2)), 7.5, "weight_bits = 7.5"),
        (np.ones((2, 2)), "8", "weight_bits = '8'"),
        ([[1.0], [1.0, 2.0]], 8, "rows of different lengths"),
    ],
)
def test_weights_that_are_none_are_bad_input(weights: Any, bits: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        counts(weights, weight_bits=bits, input_bits=8)


@pytest.mark.parametrize("bits", [0, None, "8"])
def test_inputs_of_no_bits_are_bad_input(bits: Any) -> None:
    with pytest.raises(BadInput, match="input_bits = "):
        counts(np.ones((2, 2)), weight_bits=8, input_bits=bits)


@pytest.mark.parametrize(
    "changed",
    [
        *({"weight_bits": 0}, {"input_bits": 0}, {"nnz": 2000}, {"n_in": 0}, {"csd_digits_total": 900}),
        *({"ebops": float("nan")}, {"adder_cost": -5.0}, {"adder_cost": float("nan")}, {"adder_depth": -1}),
    ],
)
def test_counts_of_no_matrix_are_bad_input(changed: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        of(**changed)


def test_dsp_are_capped_by_the_multiplier_limit() -> None:
    assert estimate_dense(of(), style="latency").dsp.value == 247
    assert estimate_dense(of(), style="latency", reuse_factor=100).dsp.value == 10
    assert estimate_dense(of(), style="latency", multiplier="lut").dsp.value == 0


def test_outside_8_bits_the_law_is_a_hypothesis() -> None:
    wide = estimate_dense(of(weight_bits=28, input_bits=19), style="latency").dsp
    assert wide.value == 4 * 247
    assert wide.low < wide.value < wide.high
    assert "unproven" in wide.rule


@pytest.mark.parametrize(
    ("bits", "dsp"), [((16, 16), 256), ((18, 27), 256), ((27, 18), 256), ((19, 27), 512), ((19, 28), 1024), ((8, 8), 0)]
)
def test_dsp_in_resource_strategy_follow_the_operands(bits: tuple[int, int], dsp: int) -> None:
    layer = of(weight_bits=bits[0], input_bits=bits[1])
    assert estimate_dense(layer, style="resource", reuse_factor=4).dsp.value == dsp


def test_zeros_save_nothing_at_a_reuse_factor_in_resource_strategy() -> None:
    dense = of(nnz=1024, csd_digits_total=2200, weight_bits=16)
    pruned = of(nnz=300, csd_digits_total=900, weight_bits=16)
    for reuse_factor, same in ((4, True), (1, False)):
        one, other = (estimate_dense(layer, style="resource", reuse_factor=reuse_factor) for layer in (dense, pruned))
        assert (one.dsp.value == other.dsp.value) is same
    assert estimate_dense(dense, style="resource", reuse_factor=16).bram18.value == 29  # 1024 weights of 16 bits, 36 RF a word
    assert estimate_dense(dense, style="resource", reuse_factor=1).bram18.value == 0


def test_reuse_factors_that_resource_strategy_builds() -> None:
    assert [factor for factor in range(1, 161) if valid(32, 5, factor)] == [1, 2, 4, 8, 16, 32, 160]
    assert not valid(16, 64, 100)
    assert nearest_valid(16, 64, 100) == 128
    with pytest.raises(BadInput, match="the nearest is 128"):
        estimate_dense(of(), style="resource", reuse_factor=100)


def test_numbers_of_numpy_are_numbers() -> None:
    given = of(**{name: np.int64(value) for name, value in PLAIN.items()})
    assert given == of() == of(nnz=859.0)
    assert type(given.nnz) is int
    two: Any = np.int64(2)
    assert estimate_dense(given, style="latency", reuse_factor=two) == estimate_dense(of(), style="latency", reuse_factor=2)
    cost: Any = np.float32(100)
    assert type(lut_from_adder_cost(cost).value) is float


@pytest.mark.parametrize("cost", [-1, float("nan"), float("inf"), "8", None, True])
def test_costs_that_are_none_are_bad_input(cost: Any) -> None:
    with pytest.raises(BadInput, match="a cost of"):
        lut_from_adder_cost(cost)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 2.5, "8", None, True])
@pytest.mark.parametrize("what", ["n_in", "csd_digits_total", "input_bits"])
def test_counts_that_are_no_whole_numbers_are_bad_input(what: str, number: Any) -> None:
    with pytest.raises(BadInput, match=f"{what} = .*whole"):
        of(**{what: number})


@pytest.mark.parametrize("reuse_factor", [0, -1, True, 2.0])
def test_reuse_factors_that_are_none_are_bad_input(reuse_factor: Any) -> None:
    with pytest.raises(BadInput, match="reuse factor"):
        estimate_dense(of(), style="latency", reuse_factor=reuse_factor)


def test_distributed_arithmetic_takes_the_graph_where_there_is_one() -> None:
    guessed, known = (estimate_dense(of(adder_cost=cost, adder_depth=6), style="da") for cost in (None, 4000.0))
    assert known.lut == lut_of_adders(4000.0, 0)
    assert guessed.lut.low < guessed.lut.value < guessed.lut.high
    assert (known.dsp.value, known.ii.value, known.cycles.value) == (0, 1, 3)
    assert known.lut.high - known.lut.low < 0.3 * known.lut.value
    with pytest.raises(BadInput, match="distributed"):
        estimate_dense(of(), style="da", reuse_factor=2)


def test_a_layer_of_zeros_takes_no_lut() -> None:
    empty = counts(np.zeros((4, 4), int), weight_bits=8, input_bits=8)
    for style in ("latency", "da"):
        assert estimate_dense(empty, style=style).lut.value == 0


def test_a_sweep_gives_what_layers_one_by_one_give() -> None:
    random = np.random.default_rng(0)
    k = random.integers(-32, 32, (5, 12, 9)) * (random.random((5, 12, 9)) < 0.6)
    k[4] = 0
    for reuse_factor, multiplier in ((1, "dsp"), (3, "lut")):
        found = sweep(k, weight_bits=6, input_bits=7, reuse_factor=reuse_factor, multiplier=multiplier)  # type: ignore[arg-type]
        for place, one in enumerate(k):
            layer = counts(one, weight_bits=6, input_bits=7)
            wanted = estimate_dense(layer, style="latency", reuse_factor=reuse_factor, multiplier=multiplier)  # type: ignore[arg-type]
            got = (found.nnz[place], found.ebops[place], found.dsp[place], found.lut[place], found.adder_lut[place])
            want = (layer.nnz, layer.ebops, wanted.dsp.value, wanted.lut.value, estimate_dense(layer, style="da").lut.value)
            assert got == pytest.approx(want)
    with pytest.raises(BadInput, match="do not fit"):
        sweep(k, weight_bits=5, input_bits=8)


@pytest.mark.parametrize("changed", [{"reuse_factor": 0}, {"reuse_factor": -2}, {"input_bits": 0}, {"multiplier": "x"}])
def test_a_sweep_of_what_no_layer_can_be_is_bad_input(changed: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=str(next(iter(changed.values())))):
        sweep(np.ones((2, 4, 4), int), **{"weight_bits": 8, "input_bits": 8, **changed})
    with pytest.raises(BadInput, match=r"shape \[2, 0, 4\]"):
        sweep(np.ones((2, 0, 4), int), weight_bits=8, input_bits=8)


def test_a_faster_clock_takes_more_cycles_and_registers_and_no_clock_means_any() -> None:
    fast, slow, any_clock = (estimate_dense(of(), style="latency", clock_ns=clock) for clock in (3.33, 5.0, None))
    assert fast.ff.value == pytest.approx(slow.ff.value * 5 / 3.33)
    assert fast.cycles.value > slow.cycles.value
    assert any_clock.ff.value**2 == pytest.approx(fast.ff.value * slow.ff.value)
    assert (fast.lut, fast.dsp) == (slow.lut, slow.dsp)
    for what in ("ff", "cycles"):
        low, high, whole = (getattr(one, what) for one in (slow, fast, any_clock))
        assert (whole.low, whole.high) == (low.low, high.high)
        assert low.value < whole.value < high.value
        assert "unproven" not in whole.rule + low.rule
    shared = [estimate_dense(of(), style="latency", reuse_factor=2, clock_ns=clock).ff for clock in (3.33, 5.0, None)]
    assert shared[0] == shared[1] == shared[2]


def test_multipliers_in_lut_may_take_as_few_cycles_as_at_a_slow_clock() -> None:
    made, ready = (estimate_dense(of(), style="latency", multiplier=how, clock_ns=3.33).cycles for how in ("lut", "dsp"))
    assert made.high == ready.high
    assert made.low == estimate_dense(of(), style="latency", clock_ns=5.0).cycles.low < ready.low


@pytest.mark.parametrize("clock_ns", [2.0, 8.0])
def test_a_clock_that_no_report_has_is_unproven(clock_ns: float) -> None:
    found = estimate_dense(of(), style="latency", clock_ns=clock_ns)
    assert "unproven" in found.cycles.rule
    assert "unproven" in found.ff.rule


@pytest.mark.parametrize("clock_ns", [0.0, -1.0, float("nan"), float("inf"), 1e-320, "4"])
def test_clocks_that_are_none_are_bad_input(clock_ns: Any) -> None:
    with pytest.raises(BadInput, match="a clock of"):
        estimate_dense(of(), style="latency", clock_ns=clock_ns)
