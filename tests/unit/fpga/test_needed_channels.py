"""Channels that nobody uses, and constants, cost nothing in a circuit of adders."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench.kernels.fpga import Layer, Network, estimate_network
from ngtbench.physics.fpga.fixed_point import parse


def test_what_is_not_needed_costs_nothing() -> None:
    """The second neuron ends in a zero weight; the third is constant, for nothing varies that it sums."""
    weight, kernel = parse("ap_fixed<6,3>"), np.array([[1.5, 2.5, 0.0], [-0.75, 0.0, 0.0]])  # that share nothing
    after = np.array([[0.625], [0.0], [0.875]])
    made: dict[str, Any] = {"weight": weight, "style": "da"}
    first = Layer("a", "dense", ("input",), parse("ap_fixed<12,6>"), arrays={"kernel": kernel, "bias": np.ones(3)}, **made)
    relu = Layer("r", "activation", ("a",), parse("ap_ufixed<12,6>"), style="da")
    last = Layer("b", "dense", ("r",), parse("ap_fixed<16,8>"), arrays={"kernel": after}, **made)
    net = Network((2,), parse("ap_fixed<6,3>"), (first, relu, last))
    alone = replace(first, arrays={"kernel": kernel[:, :1], "bias": np.ones(1)})
    small = replace(last, arrays={"kernel": after[:1], "bias": np.array([0.875])})
    assert estimate_network(net).total == estimate_network(replace(net, layers=(alone, relu, small))).total
    latency = estimate_network(replace(net, layers=(first, relu, replace(last, style="latency"))))
    assert latency.layers["a"].lut.value > estimate_network(net).layers["a"].lut.value  # it may ask for all


CHANNELS = {"kernel": np.array([[[1.25, 0.75], [0.625, 0.0]], [[0.625, 0.0], [1.25, 0.0]]])}
UNUSED: dict[str, tuple[Layer, ...]] = {
    "flatten": (
        Layer("f", "flatten", ("c",), parse("ap_fixed<12,6>")),
        Layer("b", "dense", ("f",), parse("ap_fixed<14,8>"), parse("ap_fixed<6,3>"),
              arrays={"kernel": np.array([[1.0], [0.0]] * 4)}, style="da"),
    ),
    "batchnorm": (
        Layer("r", "pool", ("c",), parse("ap_fixed<12,6>")),
        Layer("n", "batchnorm", ("r",), parse("ap_fixed<14,8>"), parse("ap_fixed<6,3>"),
              arrays={"scale": np.array([1.0, 0.0]), "shift": np.ones(2)}, style="da"),
    ),
    "add": (
        Layer("n", "add", ("c", "c"), parse("ap_fixed<12,6>")),
        Layer("b", "conv1d", ("n",), parse("ap_fixed<14,8>"), parse("ap_fixed<6,3>"),
              arrays={"kernel": np.array([[[1.0], [0.0]]])}, style="da"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNUSED)
def test_a_channel_is_unused_through_every_kind_of_layer(kind: str) -> None:
    conv = Layer("c", "conv1d", ("input",), parse("ap_fixed<12,6>"), parse("ap_fixed<6,3>"), arrays=CHANNELS, style="da")
    one = replace(conv, arrays={"kernel": CHANNELS["kernel"] * np.array([1.0, 0.0])})
    whole_net, half = (Network((5, 2), parse("ap_fixed<6,3>"), (first, *UNUSED[kind])) for first in (conv, one))
    found, wanted = (estimate_network(net).layers["c"].lut.value for net in (whole_net, half))
    assert found == wanted
    alone = Network((5, 2), parse("ap_fixed<6,3>"), (conv,))
    assert found < estimate_network(alone).layers["c"].lut.value
