"""Circuits of adders: bands against what yosys 0.23 made of random networks, and ranges, constants and choices by hand."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench.kernels.fpga import Layer, Network, adder_graph, circuit, estimate_network, infer, synthesis
from ngtbench.kernels.fpga.bands import Row
from ngtbench.kernels.fpga.calibration import CircuitFit, RatioFit, circuit_fit, fit_circuits, fit_registers, register_fit, rows
from ngtbench.kernels.fpga.ranges import Ends, kept, places, results, shifted, sums, whole
from ngtbench.kernels.fpga.results import chosen_bits, constant_bits
from ngtbench.physics.fpga.fixed_point import parse
from tests.unit.fpga.drawn import network

CIRCUITS = rows("circuits")
GAUSSIAN = [row for row in CIRCUITS if row["drawn"] == "gaussian"]
UNIFORM = [row for row in CIRCUITS if row["drawn"] == "uniform"]
FIGURES = ("LUT", "LUT_pipelined")
SMALL: Row = {
    "sizes": [3, 2, 2],
    "input": "ap_fixed<3,1>",
    "result": "ap_fixed<5,2,TRN,SAT>",
    "hidden": "ap_ufixed<4,2,RND,SAT>",
    "weights": "ap_fixed<4,2>",
    "zeros": 0.2,
    "seed": 3,
    "biased": True,
    "drawn": "uniform",
}


def of(sizes: list[int], seed: int) -> Row:
    """Return the row of a network of such sizes and seed."""
    (row,) = (row for row in CIRCUITS if (row["sizes"], row["seed"]) == (sizes, seed))
    return row


DEAD = [of([6, 10, 10, 3], 8), of([9, 14, 12, 3], 31), of([12, 16, 8, 4], 32), of([10, 20, 4], 33)]


def inside(fit: CircuitFit, row: Row) -> list[bool]:
    value, reach = fit.of(row["cost"], row["bits"])
    return [abs(np.log(row[figure] / value)) <= reach or abs(row[figure] - value) <= fit.few for figure in FIGURES]


def held(fit: RatioFit, row: Row) -> bool:
    true, counted = row["FF_pipelined"], row["registers"]
    return bool(fit.low * counted <= true <= fit.high * counted or abs(true - fit.value * counted) <= fit.few)


def width(fit: CircuitFit, row: Row) -> float:
    return float(2 * np.sinh(fit.of(row["cost"], row["bits"])[1]))


def test_bands_hold_circuits_of_another_kind_of_weights() -> None:
    """Fitted to uniform weights, tried on Gaussian ones, of other sizes and types."""
    fit, registers = fit_circuits(UNIFORM), fit_registers(UNIFORM)
    assert np.mean([inside(fit, row) for row in GAUSSIAN]) >= 0.9
    assert np.mean([held(registers, row) for row in GAUSSIAN]) >= 0.9


def test_bands_hold_circuits_left_out_and_are_less_than_a_third_of_the_figure() -> None:
    lut, ff = list[list[bool]](), list[bool]()
    for fold in range(5):
        others = [row for place, row in enumerate(CIRCUITS) if place % 5 != fold]
        fit, registers = fit_circuits(others), fit_registers(others)
        lut += [inside(fit, row) for row in CIRCUITS[fold::5]]
        ff += [held(registers, row) for row in CIRCUITS[fold::5]]
    assert np.mean(lut) >= 0.89
    assert np.mean(ff) >= 0.89
    assert (register_fit().high - register_fit().low) / register_fit().value <= 0.33
    assert np.mean([inside(circuit_fit(), row) for row in CIRCUITS]) >= 0.9
    assert np.median([width(circuit_fit(), row) for row in CIRCUITS]) <= 0.3
    assert np.median([width(circuit_fit(), row) for row in CIRCUITS if not row["bits"]]) <= 0.25


@pytest.mark.parametrize("row", [*CIRCUITS[::12], *DEAD], ids=lambda row: f"{row['sizes']}-{row['seed']}")
def test_rows_are_what_is_counted_of_the_networks_that_they_describe(row: Row) -> None:
    found, (value, reach) = estimate_network(network(row)).total, circuit_fit().of(row["cost"], row["bits"])
    assert found.lut.value == pytest.approx(value, rel=0.01)
    assert found.lut.low == pytest.approx(max(min(value * np.exp(-reach), value - circuit_fit().few), 0), rel=0.02)
    assert found.ff.value / row["registers"] == pytest.approx(register_fit().value, rel=0.01)


def test_cycles_are_counted_through_all_layers_and_at_most_one_more() -> None:
    found = [(row["cycles_pipelined"], estimate_network(network(row)).total.cycles) for row in CIRCUITS]
    assert np.mean([band.low <= true <= band.high for true, band in found]) >= 0.95
    assert max(abs(true - band.value) for true, band in found) <= 2
    assert {band.high - band.low for _, band in found} == {1}


def test_sums_that_wrap_may_take_half_more_and_saturated_ones_wait_for_a_comparison() -> None:
    net = network(next(row for row in CIRCUITS if row["sizes"] == [21, 6]))
    kept, wraps, saturates = (
        estimate_network(replace(net, layers=(replace(net.layers[0], result=parse(to)),))).total
        for to in ("ap_fixed<30,20>", "ap_fixed<7,3,TRN,WRAP>", "ap_fixed<7,3,TRN,SAT>")
    )
    assert wraps.lut.high == pytest.approx(1.5 * wraps.lut.value)
    assert wraps.lut.low / wraps.lut.value == pytest.approx(kept.lut.low / kept.lut.value)
    assert kept.lut.high < 1.2 * kept.lut.value
    assert [one.lut.rule.count("wrap") for one in (kept, wraps, saturates)] == [0, 1, 0]
    assert wraps.cycles == kept.cycles
    assert saturates.cycles.value == kept.cycles.value + 1


@pytest.mark.parametrize("row", DEAD, ids=lambda row: str(row["sizes"]))
def test_neurons_that_no_weight_uses_are_left_out_as_compilers_do(row: Row) -> None:
    lut = estimate_network(network(row)).total.lut
    assert max(abs(np.log(row[figure] / lut.value)) for figure in FIGURES) < 0.25
    if row is DEAD[0]:
        assert lut.low <= row["LUT"] <= row["LUT_pipelined"] <= lut.high


def test_a_relu_and_saturation_before_it_are_one_choice() -> None:
    row = of([10, 20, 4], 33)
    found = estimate_network(network(row))
    assert found.layers["r0"].lut.high == found.layers["r0"].ff.high == 0
    net = network(row)
    latency = replace(net, layers=(net.layers[0], replace(net.layers[1], style="latency"), net.layers[2]))
    twice = replace(net, layers=(*net.layers, Layer("s", "add", ("d0", "r0"), parse("ap_fixed<12,6>"))))
    for apart in (latency, twice):
        assert estimate_network(apart).layers["r0"].lut.high > 0
    assert estimate_network(latency).layers["d0"] == estimate_network(replace(net, layers=net.layers[:1])).layers["d0"]
    assert estimate_network(twice).layers["d0"].lut.value > found.layers["d0"].lut.value  # signed and saturated by itself
    lonely = Network((4,), parse("ap_fixed<8,4>"), (Layer("r", "activation", ("input",), parse("ap_ufixed<6,3>"), style="da"),))
    assert estimate_network(lonely).total.lut.value == pytest.approx(circuit_fit().of(0, 4 * 6)[0])


ENDS = Ends(np.array([-8.0, -3.0]), np.array([7.75, 3.0]), np.array([2, 0]))


def test_constants_change_bits_from_their_lowest_on() -> None:
    exact, rounded = parse("ap_fixed<12,8,TRN>"), parse("ap_fixed<9,8,RND>")
    assert constant_bits(ENDS, np.zeros(2), exact) == 0
    assert constant_bits(ENDS, np.array([0.5, 0.0]), exact) == 5  # -16 .. 15 halves
    assert constant_bits(ENDS, np.array([0.0, 2.0]), exact) == 2  # -2 .. 1 twos
    assert constant_bits(ENDS, np.zeros(2), rounded) == 6  # a quarter to the first; the second has no halves to round
    assert constant_bits(ENDS, np.array([0.5, 0.0]), rounded) == 6


def test_saturation_compares_sums_and_chooses_what_is_kept() -> None:
    assert chosen_bits(ENDS, parse("ap_fixed<6,4,TRN,SAT>"), None) == 0
    assert chosen_bits(ENDS, parse("ap_fixed<5,3,TRN,WRAP>"), None) == 0
    assert chosen_bits(ENDS, parse("ap_fixed<5,3,TRN,SAT>"), None) == 6 + 5  # of the first, six bits that become five
    assert chosen_bits(ENDS, parse("ap_fixed<4,4,RND,SAT>"), None) == 4 + 4  # rounded up, it is 8
    assert chosen_bits(ENDS, parse("ap_ufixed<8,5,TRN,SAT>"), None) == 5 + 2  # 0 .. 7.75 and 0 .. 3
    assert chosen_bits(ENDS, parse("ap_fixed<6,4>"), parse("ap_ufixed<4,3>")) == 4 + 2
    positive = Ends(np.array([0.0]), np.array([7.75]), np.array([2]))
    assert chosen_bits(positive, parse("ap_fixed<6,4>"), parse("ap_ufixed<4,3>")) == 0
    assert chosen_bits(positive, parse("ap_fixed<6,4>"), parse("ap_ufixed<4,2,TRN,SAT>")) == 4


def test_bits_behind_the_point_are_those_in_use() -> None:
    assert places(np.array([0.75, 4.0, 1.0, -2.5])).tolist() == [2, -2, 0, 1]
    given = Ends(np.array([-4.0, 0.0, 1.0]), np.array([3.0, 1.5, 1.0]), np.array([0, 1, 0]))
    found = sums(np.array([[2.0, 0.0], [0.25, 0.5], [0.125, 0.125]]), given)
    assert found.fraction.tolist() == [3, 2]  # the third input is a constant
    assert kept(parse("ap_fixed<8,5>"), found).fraction.tolist() == [3, 2]
    assert kept(parse("ap_fixed<4,2,TRN,SAT>"), found).fraction.tolist() == [2, 2]
    assert found.bits.tolist() == [7, 2]
    assert shifted(found, np.array([0.0625, 4.0])).fraction.tolist() == [4, 2]


def test_widths_are_those_of_the_nodes_of_adder_graphs() -> None:
    for low, high in ((-4, 3), (-5, 3), (0, 7), (0, 8), (-1, 0), (-3, 9), (0, 0)):
        ends = Ends(np.array([low / 4]), np.array([high / 4]), np.array([2]))
        assert ends.bits.tolist() == adder_graph(np.array([[1]]), low, high).bits.tolist()


@pytest.mark.parametrize("hidden", ["ap_ufixed<4,2,RND,SAT>", "ap_ufixed<3,1>"])
def test_ranges_hold_every_result_and_are_reached_where_inputs_are_independent(hidden: str) -> None:
    net = network({**SMALL, "hidden": hidden})
    every = np.stack(np.meshgrid(*[np.arange(-4, 4) / 4] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    ends = {"input": whole(net.type, 3)}
    for place, one in enumerate(net.layers):
        ends[one.name] = found = results(one, net.shapes()[one.inputs[0]], (ends[one.inputs[0]],))
        got = infer(replace(net, layers=net.layers[: place + 1]), every)
        assert np.all(found.least <= got.min(axis=0))
        assert np.all(got.max(axis=0) <= found.most)
        assert np.all(np.ldexp(got, found.fraction) == np.rint(np.ldexp(got, found.fraction)))
        if place < 2 and "SAT" in hidden:  # of the first layer and its ReLU every channel reaches its ends, to a rounding
            assert np.all(got.min(axis=0) - found.least <= 1 / 4)
            assert np.all(found.most - got.max(axis=0) <= 1 / 4)


def test_nothing_negative_leaves_a_relu() -> None:
    relu = Layer("r", "activation", ("input",), parse("ap_fixed<8,4>"))
    found = results(relu, (1,), (Ends(np.array([-2.0]), np.array([1.0]), np.array([0])),))
    assert [end.tolist() for end in found] == [[0.0], [1.0], [0]]


def test_ranges_narrow_the_adders_behind_them() -> None:
    net = network(of([10, 20, 4], 33))
    narrow = replace(net, type=parse("ap_fixed<3,-1>"))
    assert estimate_network(narrow).layers["d1"].lut.value < estimate_network(net).layers["d1"].lut.value


def test_numbers_that_end_in_zeros_are_narrow() -> None:
    """Whole numbers in a type of four bits behind the point cost as in one without."""
    (layer,) = network({**SMALL, "sizes": [3, 4], "hidden": ""}).layers
    cut = Layer("c", "flatten", ("input",), parse("ap_fixed<8,4>"))
    fine = Network((3,), parse("ap_fixed<4,4>"), (cut, replace(layer, inputs=("c",))))
    coarse = replace(fine, layers=(replace(cut, result=parse("ap_fixed<4,4>")), fine.layers[1]))
    assert estimate_network(fine).total.lut == estimate_network(coarse).total.lut


def test_numbers_whose_points_lie_apart_are_shifted_in_the_graph() -> None:
    made: dict[str, Any] = {"weight": parse("ap_fixed<8,5>"), "style": "da"}
    wires = Layer("w", "dense", ("input",), parse("ap_fixed<8,4>"), arrays={"kernel": np.diag([1.0, 0.25])}, **made)
    adds = Layer("a", "dense", ("w",), parse("ap_fixed<16,10>"), arrays={"kernel": np.array([[3.0], [5.0]])}, **made)
    found = estimate_network(Network((2,), parse("ap_fixed<4,4>"), (wires, adds)))
    graph = adder_graph(np.array([[3 << 2], [5]]), -8, 7)
    assert found.layers["a"].lut.value == pytest.approx(circuit_fit().of(graph.cost, 0)[0])
    assert graph.cost != adder_graph(np.array([[3], [5]]), -8, 7).cost
    assert found.layers["w"].lut.high == 0
    stages = -(-graph.longest // 2)
    assert found.total.cycles.value == 1 + max(stages, 1)  # a register in front; wires take no time


def test_bands_of_circuits_are_of_errors_of_rows_left_out() -> None:
    given = [{"cost": 1e3, "bits": 0, "LUT": lut, "LUT_pipelined": lut} for lut in (1000, 1000, 1000, 1000, 2000)]
    assert fit_circuits(given).spread == pytest.approx(np.log(2))
    small = [{**row, "cost": 100.0, "LUT": row["LUT"] / 10, "LUT_pipelined": row["LUT"] / 10} for row in given]
    assert fit_circuits([*given, *small]).few > 50  # LUT, of the one that takes 200


def test_yosys_still_makes_of_a_row_what_it_says(tool: Callable[[str, str], str]) -> None:
    tool("yosys", synthesis.REMEDY)
    if importlib.util.find_spec("da4ml") is None:
        message = f"da4ml is not installed: {circuit.REMEDY}"
        (pytest.fail if os.environ.get("NGTBENCH_REQUIRE_ALL") == "1" else pytest.skip)(message)
    row = min(CIRCUITS, key=lambda row: row["LUT"])
    alone, pipelined = (synthesis.synthesise(circuit.circuit(network(row), stage_depth=depth).design, 120) for depth in (0, 2))
    for made, figure in ((alone.lut, "LUT"), (pipelined.lut, "LUT_pipelined"), (pipelined.ff, "FF_pipelined")):
        assert abs(made / row[figure] - 1) < 0.15  # another yosys maps otherwise
