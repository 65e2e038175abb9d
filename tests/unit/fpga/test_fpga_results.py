"""Biases and saturation of circuits of adders: against what yosys 0.23 made of such networks, and by hand."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ngtbench.kernels.fpga import Layer, Network, estimate_network, infer
from ngtbench.kernels.fpga.ranges import results, whole
from ngtbench.kernels.fpga.results import bias, saturation
from ngtbench.physics.fpga.fixed_point import parse

TO = parse("ap_fixed<8,4,RND,SAT>")
# sizes, types of input, results, hidden, weights; share of zeros, seed, biases; LUT combinational, and pipelined every two adders
SYNTHESISED: list[tuple[Any, ...]] = [
    ((8, 12, 5), "<8,4>", "<10,6,RND,SAT>", "<7,3,RND,SAT>", "<6,2>", 0.3, 1, True, 2043, 2066),
    ((8, 12, 5), "<8,4>", "<10,6>", "<7,3>", "<6,2>", 0.3, 1, True, 1739, 1841),
    ((8, 16), "<8,4>", "<8,4,RND,SAT>", "", "<4,2>", 0.5, 1, True, 1122, 916),
    ((8, 16), "<8,4>", "<16,12>", "", "<4,2>", 0.5, 1, False, 535, 551),
    ((8, 16), "<8,4>", "<16,12>", "", "<4,2>", 0.5, 1, True, 828, 750),
    ((16, 24), "<8,4>", "<16,12>", "", "<6,2>", 0.5, 1, True, 2707, 2797),
    ((12, 16), "<6,4>", "<8,4,TRN,SAT>", "", "<5,2>", 0.5, 1, False, 1186, 1052),
    ((12, 16), "<6,4>", "<8,4,TRN,SAT>", "", "<5,2>", 0.5, 1, True, 1377, 1228),
    ((10, 14, 6), "<7,3>", "<9,5,RND,SAT>", "<6,2,RND,SAT>", "<5,1>", 0.4, 7, True, 1815, 1853),  # the last three: not fitted
    ((20, 12), "<10,4>", "<10,5,RND,SAT_SYM>", "", "<7,1>", 0.3, 9, True, 3631, 3697),
    ((12, 12, 4), "<6,2>", "<10,5,RND,WRAP>", "<6,2,RND,SAT>", "<6,1>", 0.5, 11, True, 1394, 1422),
]


def network(case: tuple[Any, ...]) -> Network:
    sizes, given, result, hidden, of, zeros, seed, biased, *_ = case
    random, layers, before, weight = np.random.default_rng(seed), list[Layer](), "input", parse(f"ap_fixed{of}")
    for k, (n_in, n_out) in enumerate(pairwise(sizes)):
        kernel = random.integers(weight.lowest, weight.highest + 1, (n_in, n_out)) * (random.random((n_in, n_out)) > zeros)
        arrays = {"kernel": np.ldexp(kernel.astype(float), -weight.fraction)}
        if biased:
            drawn = random.integers(weight.lowest, weight.highest + 1, n_out)
            arrays["bias"] = np.ldexp(drawn.astype(float), -weight.fraction)
        layers.append(Layer(f"d{k}", "dense", (before,), parse(f"ap_fixed{result}"), weight, arrays=arrays, style="da"))
        before = f"d{k}"
        if hidden and k < len(sizes) - 2:
            layers.append(Layer(f"r{k}", "activation", (before,), parse(f"ap_ufixed{hidden}"), style="da"))
            before = f"r{k}"
    return Network((sizes[0],), parse(f"ap_fixed{given}"), tuple(layers))


@pytest.mark.parametrize("case", SYNTHESISED, ids=lambda case: "-".join(map(str, (*case[0], case[2], case[7]))))
def test_bands_hold_what_synthesis_gave(case: tuple[Any, ...]) -> None:
    lut = estimate_network(network(case)).total.lut
    assert lut.low <= min(case[-2:])
    assert max(case[-2:]) <= lut.high
    assert (lut.high - lut.low) / lut.value < 0.4


def test_saturation_counts_the_bits_kept_and_those_cut_off() -> None:
    found = saturation(TO, np.array([-32.0, -8.0]), np.array([31.0, 7.9]))  # the first alone overflows, two bits above the type
    assert (found.low, found.value, found.high) == (8 + 5, 12 + 5, 16 + 5)
    assert saturation(parse("ap_fixed<8,4>"), np.array([-32.0]), np.array([31.0])).high == 0
    assert saturation(TO, np.array([-8.0]), np.array([7.9])).high == 0
    assert saturation(TO, np.array([-8.0]), np.array([7.97])).high > 0  # rounded up, it is 8


def test_biases_of_zero_take_nothing() -> None:
    reach = np.array([7.0, 7.0])
    assert bias(np.zeros(2), 3, -reach, reach).high == 0
    assert bias(np.array([0.5, 0.0]), 3, -reach, reach).value == pytest.approx(1.3 * 7)
    net = network(SYNTHESISED[4])
    (layer,) = net.layers
    without = replace(net, layers=(replace(layer, arrays={**layer.arrays, "bias": np.zeros(16)}),))
    assert estimate_network(without).total.lut.high < estimate_network(net).total.lut.value


def test_ranges_hold_every_result_and_are_reached_where_inputs_are_independent() -> None:
    net = network(((3, 2, 2), "<3,1>", "<5,2,TRN,SAT>", "<4,2,RND,SAT>", "<4,2>", 0.2, 3, True))
    every = np.stack(np.meshgrid(*[np.arange(-4, 4) / 4] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    ends = {"input": whole(net.type, 3)}
    for place, one in enumerate(net.layers):
        ends[one.name] = results(one, net.shapes()[one.inputs[0]], (ends[one.inputs[0]],))
        got = infer(replace(net, layers=net.layers[: place + 1]), every)
        assert np.all(ends[one.name][0] <= got.min(axis=0))
        assert np.all(got.max(axis=0) <= ends[one.name][1])
        if place < 2:  # of the first layer and its ReLU every channel reaches its ends, to a rounding
            assert np.all(got.min(axis=0) - ends[one.name][0] <= 1 / 4)
            assert np.all(ends[one.name][1] - got.max(axis=0) <= 1 / 4)


def test_nothing_negative_leaves_a_relu() -> None:
    relu = Layer("r", "activation", ("input",), parse("ap_fixed<8,4>"))
    assert results(relu, (1,), ((np.array([-2.0]), np.array([1.0])),)) == (np.array([0.0]), np.array([1.0]))


def test_ranges_narrow_the_adders_behind_them() -> None:
    net = network(SYNTHESISED[1])
    narrow = replace(net, type=parse("ap_fixed<3,-1>"))
    assert estimate_network(narrow).layers["d1"].lut.value < estimate_network(net).layers["d1"].lut.value
