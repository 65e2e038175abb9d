"""Numbers on their way through a network of adders: ranges as adders know them, what is left out, and when they are there."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import Layer, Network, adder_graph, estimate_network
from ngtbench.kernels.fpga.adder_graph import stages
from ngtbench.kernels.fpga.calibration import circuit_fit, register_fit
from ngtbench.kernels.fpga.estimate import Estimate, off_by
from ngtbench.kernels.fpga.flow import flow
from ngtbench.kernels.fpga.ranges import Ends, kept
from ngtbench.kernels.fpga.results import comparisons
from ngtbench.physics.fpga.fixed_point import parse

MADE: dict[str, Any] = {"weight": parse("ap_fixed<8,8>"), "style": "da"}
RANDOM = np.random.default_rng(11)


def dense(name: str, source: str, kernel: Any, to: str = "ap_fixed<20,20>", **more: Any) -> Layer:
    return Layer(name, "dense", (source,), parse(to), arrays={"kernel": np.array(kernel, float)}, **{**MADE, **more})


def relu(name: str, source: str, to: str = "ap_ufixed<20,20>", **more: Any) -> Layer:
    return Layer(name, "activation", (source,), parse(to), **{"style": "da", **more})


def net(*layers: Layer, channels: int = 1, of: str = "ap_ufixed<1,1>") -> Network:
    return Network((channels,), parse(of), layers)


def test_ends_of_a_graph_are_sums_of_ranges_and_hold_every_output() -> None:
    least, most = adder_graph(np.array([[7, -7, 0, 4]]), 0, 1).ends()  # 8x - x, which may be -1 as far as the adder knows
    assert least.tolist() == [-1, -8, 0, 0]
    assert most.tolist() == [8, 1, 0, 4]
    k, x = RANDOM.integers(-40, 40, (5, 6)), RANDOM.integers(-3, 9, (5, 400))
    graph = adder_graph(k, -3, 8)
    least, most = graph.ends()
    assert np.all(least <= graph.apply(x).min(axis=1))
    assert np.all(graph.apply(x).max(axis=1) <= most)


def test_what_only_unused_outputs_need_is_taken_out() -> None:
    k = RANDOM.integers(-40, 40, (6, 7))
    graph, used = adder_graph(k, -8, 7, np.arange(6)), np.arange(7) % 3 == 0
    less, x = graph.without(used), RANDOM.integers(-8, 8, (6, 20))
    assert np.array_equal(less.apply(x), graph.apply(x) * used[:, None])
    assert less.cost < graph.cost
    assert less.longest <= graph.longest
    assert graph.without(np.ones(7, bool)).cost == graph.cost
    assert graph.without(np.zeros(7, bool)).adders == 0


def test_a_neuron_is_left_out_only_where_its_adders_know_that_it_is_always_zero() -> None:
    """Seven times x is 8x - x: below zero for all that its adder knows; twice x is a wire."""
    for weight, alive in ((-7.0, True), (-2.0, False)):
        found = estimate_network(net(dense("a", "input", [[weight, 3.0]]), relu("r", "a"), dense("b", "r", [[3.0], [5.0]])))
        only = estimate_network(net(dense("a", "input", [[3.0]]), relu("r", "a"), dense("b", "r", [[5.0]])))
        assert (found.total.lut.value > only.total.lut.value) is alive


def test_sums_are_compared_with_the_ends_that_they_can_leave_but_not_with_zero() -> None:
    sums = Ends(np.array([-9.0, -3.0, 0.0]), np.array([9.0, 3.0, 9.0]), np.zeros(3, int))
    assert comparisons(sums, parse("ap_fixed<3,3,TRN,SAT>")).tolist() == [2, 0, 1]
    assert comparisons(sums, parse("ap_ufixed<3,3,TRN,SAT>")).tolist() == [1, 0, 1]
    assert comparisons(sums, parse("ap_fixed<3,3>")).tolist() == [0, 0, 0]


def test_registers_lie_after_every_second_adder_of_a_whole_circuit() -> None:
    """Three layers of one adder each are three adders: one register between, where each layer alone would have its own."""
    layers = [dense(f"d{k}", f"d{k - 1}" if k else "input", [[3.0, 5.0], [5.0, 3.0]], style="da") for k in range(3)]
    circuit = net(*layers, channels=2, of="ap_ufixed<3,3>")
    depth = int(flow(circuit).depth["d2"].max())
    assert depth == 3 * adder_graph(np.array([[3, 5], [5, 3]]), 0, 7).longest
    found = estimate_network(circuit)
    assert found.total.cycles.value == 2 + stages(np.array(depth), 2)
    assert found.total.cycles.high == found.total.cycles.value + 1
    broken = replace(circuit, layers=(layers[0], replace(layers[1], style="latency"), layers[2]))
    assert (flow(broken).starts, flow(broken).stops) == ({"d0", "d2"}, {"d0", "d2"})
    assert (flow(circuit).starts, flow(circuit).stops) == ({"d0"}, {"d2"})
    assert flow(broken).depth["d2"].max() == depth // 3
    assert estimate_network(broken).layers["d0"].ff.value > found.layers["d0"].ff.value  # registers behind it
    alone = estimate_network(net(dense("a", "input", [[5.0]]), of="ap_ufixed<3,3>")).total
    assert alone.ff.value == pytest.approx(register_fit().value * (3 + 6))  # bits in front, 0 .. 7, and behind, 0 .. 35


def test_a_saturated_relu_waits_for_a_comparison_and_flatten_for_nothing() -> None:
    wide = dense("a", "input", [[3.0, 0.0], [0.0, 1.0]])
    flat = Layer("f", "flatten", ("r",), parse("ap_ufixed<20,20>"))
    circuit = net(
        wide, relu("r", "a", "ap_ufixed<3,3,TRN,SAT>"), flat, dense("b", "f", [[1.0], [1.0]]), channels=2, of="ap_ufixed<2,2>"
    )
    found = flow(circuit)
    assert [found.depth[name].tolist() for name in ("input", "a", "r", "f", "b")] == [[0, 0], [1, 0], [2, 0], [2, 0], [3]]
    assert (found.starts, found.stops) == ({"a"}, {"b"})
    ends = flow(net(wide, relu("r", "a"), Layer("f", "flatten", ("r",), parse("ap_ufixed<20,20>")), channels=2))
    assert ends.stops == {"r", "f"}


def test_registers_hold_outputs_until_they_are_read_and_long_waits_are_shift_registers() -> None:
    graph = adder_graph(np.array([[5]]), 0, 7)  # one adder, a result of six bits
    assert [graph.registers(1, np.array([until])) for until in (1, 2, 3, 4)] == [0, 6, 12, 0]
    late = adder_graph(np.array([[1], [1]]), 0, 7, np.array([0, 3]))  # the first input waits for the second
    assert late.longest == 4
    assert late.registers(1, late.depth[-1:]) == 3 * 0 + 3  # handed on three times; the other once, to the adder


def test_sums_that_are_too_wide_name_the_layer() -> None:
    huge = dense("a", "input", [[100.0]], to="ap_fixed<62,62>")
    with pytest.raises(BadInput, match="layer 'a'"):
        flow(Network((2,), parse("ap_fixed<62,31>"), (replace(huge, arrays={"kernel": np.full((2, 1), 100.0)}),)))


@pytest.mark.parametrize(
    ("rounding", "least", "most"),
    [("TRN", -2, 1), ("TRN_ZERO", -1, 1), ("RND", -1, 2), ("RND_ZERO", -2, 2), ("RND_INF", -2, 2), ("RND_CONV", -2, 2)],
)
def test_ends_are_rounded_as_numbers_are(rounding: str, least: int, most: int) -> None:
    found = kept(parse(f"ap_fixed<6,6,{rounding}>"), Ends(np.array([-1.5, 0.75]), np.array([1.5, 1.25]), np.array([1, 2])))
    nearest = [1, 1] if "RND" in rounding else [0, 1]
    assert (found.least.tolist(), found.most.tolist()) == ([least, nearest[0]], [most, nearest[1]])


def test_small_circuits_are_off_by_a_number_not_by_a_share() -> None:
    figure = Estimate(40.0, 35.0, 46.0, "a rule")
    assert off_by(figure, 30.0) == Estimate(40.0, 10.0, 70.0, "a rule")
    assert off_by(figure, 50.0).low == 0
    assert off_by(figure, 5.5) == Estimate(40.0, 34.5, 46.0, "a rule")
    nothing = Estimate(0.0, 0.0, 0.0, "wires")
    assert off_by(nothing, 30.0) == nothing
    tiny = estimate_network(net(dense("a", "input", [[3.0]]))).total
    assert tiny.lut.high >= tiny.lut.value + circuit_fit().few
    assert tiny.ff.high >= tiny.ff.value + register_fit().few
