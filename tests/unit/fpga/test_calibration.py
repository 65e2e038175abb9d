"""The calibration holds on networks that it has not seen."""

from collections.abc import Callable

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import Counts, Estimate, calibration, estimate_dense, lut_from_adder_cost, lut_from_ebops
from ngtbench.kernels.fpga.bands import Row, half_width
from ngtbench.kernels.fpga.calibration import DenseFit, fit_cost, fit_dense, fit_ratio, rows
from ngtbench.kernels.fpga.estimate import DenseEstimate, latest
from ngtbench.kernels.fpga.network import Multiplier
from ngtbench.kernels.fpga.pipeline import serial
from ngtbench.physics.fpga.multiplication import ebops
from tests.unit.fpga import drawn

NETWORKS = ("Breast_cancer", "jet_tagging", "mnist")


def estimated(row: Row, fit: DenseFit | None = None, clock: bool = True) -> DenseEstimate:
    names = ("n_in", "n_out", "nnz", "csd_digits_total", "distinct_input_weight_pairs_csd_ge3")
    counted = Counts(**{name: row[name] for name in names}, weight_bits=8, input_bits=8)
    multiplier: Multiplier = "lut" if row["multiplier_pragma"] == "LUT" else "dsp"
    clock_ns, reuse_factor = row["clock_ns"] if clock else None, row["reuse_factor"]
    return estimate_dense(counted, style="latency", reuse_factor=reuse_factor, multiplier=multiplier, clock_ns=clock_ns, fit=fit)


def without(network: str) -> DenseFit:
    return fit_dense([row for row in rows("dense") if row["task"] != network])


def inside(figure: Estimate, true: float) -> bool:
    return figure.low <= true <= figure.high


def test_the_dsp_law_is_exact_on_every_row() -> None:
    for row in rows("dense"):
        dsp = estimated(row).dsp
        assert dsp.value == dsp.low == dsp.high == row["DSP"]


@pytest.mark.parametrize("network", NETWORKS)
def test_lut_of_a_network_left_out_is_near_what_was_reported(network: str) -> None:
    """At most 12 % is asked for, of layers whose multipliers are LUT."""
    fit = without(network)
    seen = [row for row in rows("dense") if row["task"] == network and row["multiplier_pragma"] == "LUT"]
    assert np.median([abs(estimated(row, fit).lut.value / row["LUT"] - 1) for row in seen]) < 0.05


def test_lut_bands_hold_nine_tenths_of_layers_of_networks_left_out_and_are_narrow() -> None:
    held, widths = [], []
    for network in NETWORKS:
        fit = without(network)
        for row in (row for row in rows("dense") if row["task"] == network):
            lut = estimated(row, fit).lut
            held.append(inside(lut, row["LUT"]))
    for row in rows("dense"):
        lut = estimated(row).lut
        widths.append((lut.high - lut.low) / lut.value)
    assert np.mean(held) >= 0.9
    assert np.median(widths) <= 0.3


@pytest.mark.parametrize("clock", [True, False])
@pytest.mark.parametrize(("what", "figure"), [("ff", "FF"), ("cycles", "latency_cycles")])
def test_cycles_and_ff_bands_hold_nine_tenths_of_layers_of_networks_left_out(what: str, figure: str, clock: bool) -> None:
    left_out = [(row, getattr(estimated(row, without(row["task"]), clock), what)) for row in rows("dense")]
    assert np.mean([inside(band, row[figure]) for row, band in left_out]) >= 0.9
    unrolled = [(row, band) for row, band in left_out if row["reuse_factor"] == 1]
    assert np.mean([inside(band, row[figure]) for row, band in unrolled]) >= 0.9
    widths = [(band.high - band.low) / band.value for row, band in unrolled]
    assert np.median(widths) <= (0.42 if clock else 0.8)


@pytest.mark.parametrize("what", ["ff", "cycles"])
@pytest.mark.parametrize("reuse_factor", [1, 2, 100])
def test_bands_of_layers_of_known_clock_are_narrow(what: str, reuse_factor: int) -> None:
    found = [getattr(estimated(row), what) for row in rows("dense") if row["reuse_factor"] == reuse_factor]
    assert np.median([(one.high - one.low) / one.value for one in found]) <= (0.37 if reuse_factor == 2 else 0.3)


def test_ff_of_networks_left_out_is_near() -> None:
    for few, most in ((True, 0.12), (False, 0.1)):
        seen = [row for row in rows("dense") if (row["reuse_factor"] == 1) is few and not serial(row)]
        assert np.median([abs(estimated(row, without(row["task"])).ff.value / row["FF"] - 1) for row in seen]) < most


def test_rows_without_a_clock_may_have_any() -> None:
    plain = [{key: value for key, value in row.items() if key != "clock_ns"} for row in rows("dense")]
    fit, known = fit_dense(plain), fit_dense(rows("dense"))
    assert (fit.per_weight, fit.spread) == (known.per_weight, known.spread)
    assert fit.pipeline.digit_spread > 2 * known.pipeline.digit_spread
    assert np.isfinite(list(vars(fit.pipeline).values())).all()


def test_intervals_between_inputs_are_those_of_whole_networks() -> None:
    for row in rows("networks"):
        layers = [
            one for one in rows("dense") if all(one[key] == row[key] for key in ("task", "multiplier_pragma", "reuse_factor"))
        ]
        if layers:
            slowest = latest(estimated(one).ii for one in layers)
            assert inside(slowest, row["II"]), row


def test_adder_cost_is_lut_within_a_tenth_of_synthesis_and_of_routing() -> None:
    for name, bound in (("yosys", 0.08), ("routed", 0.10)):
        assert max(abs(lut_from_adder_cost(row["da4ml_cost"]).value / row["LUT"] - 1) for row in rows(name)) < bound


@pytest.mark.parametrize(
    ("names", "ratio", "least"),
    [
        (("routed", "yosys"), lambda row: row["LUT"] / row["da4ml_cost"], 0.85),
        (("routed",), lambda row: row["LUT"] / row["ebops"], 0.9),
        (("routed",), lambda row: row["FF"] / row["LUT"], 0.9),
    ],
)
def test_bands_of_ratios_hold_designs_left_out_and_are_narrow(
    names: tuple[str, ...], ratio: Callable[[Row], float], least: float
) -> None:
    given = [row for name in names for row in rows(name)]
    held = []
    for place, row in enumerate(given):
        band = fit_ratio(given[:place] + given[place + 1 :], ratio)
        held.append(band.low <= ratio(row) <= band.high)
    band = fit_ratio(given, ratio)
    assert np.mean(held) >= least
    assert (band.high - band.low) / band.value <= 0.3


def test_bands_of_ratios_hold_what_was_published_of_all_designs() -> None:
    """Of 20 routed designs and 15 in yosys: 0.66 to 0.91 LUT per EBOP, median 0.81; 0.95 to 1.13 LUT per adder cost."""
    ebops, cost = lut_from_ebops(1.0), lut_from_adder_cost(1.0)
    assert (ebops.low, ebops.value, ebops.high) == (0.67, 0.81, 0.91)
    assert (ebops.high - ebops.low) / ebops.value <= 0.3
    assert cost.low <= 0.95
    assert cost.high >= 1.13


def test_ebops_bound_the_lut_of_routed_networks() -> None:
    for row in rows("routed"):
        assert abs(np.log(lut_from_ebops(row["ebops"]).value / row["LUT"])) < 0.3


def test_lut_is_what_the_compiler_says_its_adders_take_where_sums_keep_every_bit() -> None:
    """The band is of 15 published designs; these were made later."""
    kept_whole = [row for row in rows("circuits") if row["result"] == "ap_fixed<40,40>"]
    band = lut_from_adder_cost(1.0)
    ratios = np.array([[row[figure] / row["da4ml_cost"] for figure in ("LUT", "LUT_pipelined")] for row in kept_whole])
    assert len(ratios) > 20
    assert np.mean((band.low <= ratios) & (ratios <= band.high)) >= 0.95
    others = np.array([row["LUT"] / row["da4ml_cost"] for row in rows("circuits") if row not in kept_whole])
    assert np.mean((band.low <= others) & (others <= band.high)) < 0.7  # which is why it is not used there


def test_ff_per_lut_holds_routed_networks_and_small_circuits() -> None:
    band = calibration.adder_ff_fit()
    routed = [row["FF"] / row["LUT"] for row in rows("routed")]
    small = [row["FF_pipelined"] / row["LUT_pipelined"] for row in rows("circuits")]
    for ratios in (routed, small):
        assert np.mean([band.low <= ratio <= band.high for ratio in ratios]) >= 0.9


def test_ebops_are_of_trained_networks_and_not_of_random_layers() -> None:
    band, ratios = lut_from_ebops(1.0), []
    for row in rows("circuits"):
        if row["result"] == "ap_fixed<40,40>" and not row["hidden"]:
            net = drawn.network(row)
            ratios.append(row["LUT"] / float(ebops(net.layers[0].integers("kernel"), net.type.bits)))
    assert 0.45 < min(ratios) < band.low
    assert band.high < max(ratios) < 1
    assert np.mean([band.low <= ratio <= band.high for ratio in ratios]) < 0.6


def test_adder_cost_from_counts_holds_nine_tenths_of_graphs_left_out() -> None:
    given = rows("graphs")
    half = fit_cost(given[::2])
    errors = [abs(np.log(row["cost"] / half.of(row))) for row in given[1::2]]
    assert np.mean(np.array(errors) <= half.spread) >= 0.85
    assert half.spread < 0.15


def test_one_network_proves_no_band() -> None:
    with pytest.raises(BadInput, match="two or more"):
        fit_dense([row for row in rows("dense") if row["task"] == "mnist"])


def test_the_band_of_errors_counts_one_more_than_there_are() -> None:
    assert half_width([0.1 * k for k in range(-19, 0)]) == pytest.approx(1.8)
