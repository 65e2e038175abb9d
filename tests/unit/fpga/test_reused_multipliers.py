"""Verilog of this package for layers that use a multiplier several times, against inference, bit for bit."""

import itertools
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import synthesis
from ngtbench.kernels.fpga.multiplexed import multiplexed
from ngtbench.kernels.fpga.network import Network
from ngtbench.kernels.fpga.verify import LEAST_OUTPUTS, compared, drawn, parts, reused, verify
from ngtbench.physics.fpga.fixed_point import Fixed, Overflow, Rounding, parse, requantise
from tests.unit.fpga.circuits import NETWORKS, OUTPUTS, layer


@pytest.mark.parametrize(("weight_bits", "input_bits", "dsp"), [(8, 8, 2), (18, 27, 2), (19, 28, 8), (4, 4, 0)])
def test_reused_multipliers_take_the_dsp_of_their_widths(tools: None, weight_bits: int, input_bits: int, dsp: int) -> None:
    random, weight, given = np.random.default_rng(1), Fixed(True, weight_bits, 2), Fixed(True, input_bits, 2)
    w = random.integers(weight.lowest, weight.highest, (4, 2), endpoint=True)
    results = [Fixed(True, 60, 60 - weight.fraction - given.fraction)] * 2
    design = multiplexed(w, np.array([5, -7]), weight=weight, given=given, results=results, reuse_factor=4)
    assert synthesis.synthesise(design, 120).dsp == dsp


@pytest.mark.parametrize("given", ["ap_fixed<7,3>", "ap_ufixed<5,7>"])
@pytest.mark.parametrize("reuse_factor", [2, 3, 6])
def test_a_layer_of_reused_multipliers_computes_what_inference_does(tools: None, reuse_factor: int, given: str) -> None:
    dense = layer("d", "dense", "input", "ap_fixed<8,4,RND,SAT>", like=(6, 4), style="resource", reuse_factor=reuse_factor)
    network = Network((6,), parse(given), (dense,))
    (found,) = verify(network, outputs=OUTPUTS, synthesis=False)
    assert (found.by, found.unequal, found.estimated) == ("ngtbench", 0, "dsp")
    assert found.outputs >= OUTPUTS


def test_results_of_reused_multipliers_round_and_overflow_in_every_mode(tools: None) -> None:
    modes = list(itertools.product(get_args(Rounding), get_args(Overflow)))
    random, weight, given = np.random.default_rng(3), Fixed(True, 5, 2), Fixed(True, 6, 3)
    results = [Fixed(k % 3 > 0, 4 + k % 3, 2 + k % 5, *modes[k % len(modes)]) for k in range(2 * len(modes))]
    results += [
        Fixed(True, 20, 9, "RND_CONV", "SAT"),
        Fixed(True, 3, 30, "RND_INF", "WRAP"),
        Fixed(True, 14, 2, "RND", "SAT_SYM"),
    ]
    w, b = random.integers(-16, 16, (4, len(results))), random.integers(-99, 99, len(results))
    design = multiplexed(w, b, weight=weight, given=given, results=[*results[:-1], None], reuse_factor=2)
    x = random.integers(-32, 32, (150, 4))
    got = np.array(synthesis.simulate(design, x.tolist(), 60)).T
    wanted = [requantise(k, 6, to) for k, to in zip((x @ w + b).T, results, strict=True)]
    assert [k.tolist() for k in got[:-1]] == [k.tolist() for k in wanted[:-1]]
    assert set(got[-1].tolist()) == {0}
    assert all(len(np.unique(k)) > 1 for k in got[:-2])


def test_a_whole_network_with_a_reused_layer_is_compared_and_a_wrong_type_found(compilers: None) -> None:
    first, relu, last = NETWORKS["dense"].layers
    network = replace(NETWORKS["dense"], layers=(replace(first, reuse_factor=2), relu, replace(last, reuse_factor=5)))
    found = verify(network, synthesis=False)
    assert [(one.part, one.by, one.unequal) for one in found] == [
        ("d", "ngtbench", 0),
        ("r", "da4ml", 0),
        ("dd", "ngtbench", 0),
    ]
    assert all(one.outputs >= 2 * LEAST_OUTPUTS for one in found)  # of its own inputs, and of the network's
    alone = parts(network)[0]
    for mode in ("ap_fixed<8,4,TRN,SAT>", "ap_fixed<8,4,RND,WRAP>", "ap_fixed<8,4,RND,SAT_SYM>"):
        other = replace(alone, layers=(replace(alone.layers[0], result=parse(mode)),))
        vectors = np.concatenate([drawn(alone, 100, 2), np.where(other.layers[0].integers("kernel")[:, :1].T > 0, -32, 31)])
        assert compared(alone, reused(alone), vectors, 60) == 0
        assert compared(other, reused(alone), vectors, 60) > 0


def test_bad_layers_for_reuse_are_named() -> None:
    weight = given = Fixed(True, 4, 2)
    w, results = np.ones((6, 2), int), [Fixed(True, 20, 10)] * 2
    with pytest.raises(BadInput, match="layer 'x': reuse factor 4 does not divide 6 inputs"):
        multiplexed(w, w[0], weight=weight, given=given, results=results, reuse_factor=4, name="x")
    with pytest.raises(BadInput, match="layer 'x': weights from 9 to 9 are not all in ap_fixed<4,2"):
        multiplexed(9 * w, w[0], weight=weight, given=given, results=results, reuse_factor=2, name="x")
    conv = NETWORKS["convolution"].layers[0]
    with pytest.raises(BadInput, match=r"layer 'c' \(conv2d\): a circuit that reuses multipliers is written for dense layers"):
        reused(replace(NETWORKS["convolution"], layers=(conv,)))
    cut = layer("d", "dense", "input", "ap_fixed<8,4>", like=(6, 5), total=parse("ap_fixed<6,3>"), reuse_factor=2)
    with pytest.raises(BadInput, match="layer 'd': an accumulator ap_fixed<6,3,TRN,WRAP> that rounds or overflows"):
        reused(Network((6,), given, (cut,)))
