"""Whole networks: kinds of layers, batch normalisation, changes, and errors that name the layer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import Layer, Network, counts, estimate_dense, estimate_network
from ngtbench.kernels.fpga.calibration import rows
from ngtbench.kernels.fpga.estimate import exact
from ngtbench.kernels.fpga.fold import folded
from ngtbench.kernels.fpga.variants import VARIANTS, styled
from ngtbench.physics.fpga.fixed_point import parse

BITS8 = parse("ap_fixed<8,2,RND,SAT>")
RANDOM = np.random.default_rng(5)


def layer(name: str, kind: str, source: str = "input", **more: Any) -> Layer:
    arrays = more.pop("arrays", {})
    return Layer(name, kind, (source,), BITS8, BITS8 if arrays else None, arrays=arrays, **more)  # type: ignore[arg-type]


def dense(name: str, source: str, n_in: int, n_out: int, **more: Any) -> Layer:
    return layer(name, "dense", source, arrays={"kernel": RANDOM.normal(size=(n_in, n_out)), "bias": np.zeros(n_out)}, **more)


def network(*layers: Layer, shape: tuple[int, ...] = (16,)) -> Network:
    return Network(shape, BITS8, layers)


def small(**more: Any) -> Network:
    return network(dense("one", "input", 16, 8, **more), layer("relu", "activation", "one"), dense("two", "relu", 8, 4, **more))


def test_a_dense_layer_is_estimated_as_its_integers_are() -> None:
    net = small()
    mine = counts(net.layers[0].integers("kernel"), weight_bits=8, input_bits=8)
    assert estimate_network(net).layers["one"] == estimate_dense(mine, style="latency")


def test_a_clock_is_that_of_every_layer() -> None:
    net = small()
    mine = counts(net.layers[0].integers("kernel"), weight_bits=8, input_bits=8)
    assert estimate_network(net, 3.33).layers["one"] == estimate_dense(mine, style="latency", clock_ns=3.33)
    assert estimate_network(net, 3.33).total.ff.value > estimate_network(net, 5.0).total.ff.value


def test_resources_add_and_cycles_follow_the_longest_path() -> None:
    net = network(
        dense("one", "input", 16, 16),
        dense("two", "one", 16, 16),
        Layer("sum", "add", ("two", "input"), BITS8),
    )
    found = estimate_network(net)
    assert found.total.lut.value == pytest.approx(sum(one.lut.value for one in found.layers.values()))
    assert found.total.dsp.high == sum(one.dsp.high for one in found.layers.values())
    assert found.total.cycles.value == sum(one.cycles.value for one in found.layers.values())
    short = network(dense("one", "input", 16, 16), Layer("sum", "add", ("one", "input"), BITS8))
    assert estimate_network(short).total.cycles.value < found.total.cycles.value


def test_a_sum_says_each_rule_once() -> None:
    rule = estimate_network(styled(small(), "da")).total.lut.rule.split("; ")
    assert len(rule) == len(set(rule))
    assert any("saturation" in one for one in rule)


def test_positions_are_unrolled_or_streamed() -> None:
    k = {"kernel": RANDOM.normal(size=(3, 3, 2, 4))}
    one, many = (
        estimate_network(network(layer("c", "conv2d", arrays=k, options={"streamed": flag}), shape=(8, 8, 2))).layers["c"]
        for flag in (True, False)
    )
    assert many.dsp.value == 36 * one.dsp.value
    assert many.lut.value == pytest.approx(36 * one.lut.value)
    assert (many.ii.value, one.ii.value) == (1, 64)
    assert one.bram18.high == 2 * 2  # two lines of each channel
    window = estimate_network(network(layer("c", "conv1d", arrays={"kernel": RANDOM.normal(size=(5, 2, 4))}), shape=(9, 2)))
    assert window.layers["c"].ii.value == 9


@pytest.mark.parametrize(("kind", "gates"), [("gru", 3), ("lstm", 4)])
def test_recurrent_layers_take_their_steps_in_time_or_in_space(kind: str, gates: int) -> None:
    arrays = {"kernel": RANDOM.normal(size=(4, gates * 6)), "recurrent": RANDOM.normal(size=(6, gates * 6))}
    static, unrolled = (
        estimate_network(network(layer("r", kind, arrays=arrays, options={"static": flag}), shape=(10, 4))).layers["r"]
        for flag in (True, False)
    )
    assert unrolled.dsp.value == 10 * static.dsp.value
    assert unrolled.cycles == static.cycles
    assert static.ii.value == static.cycles.value
    assert unrolled.ii.value == 1
    assert static.bram18.value >= gates * 6 / 2


def test_batch_normalisation_is_folded_where_one_layer_uses_what_it_normalises() -> None:
    scale, shift = RANDOM.normal(size=8), RANDOM.normal(size=8)
    kernel, bias = RANDOM.normal(size=(16, 8)), RANDOM.normal(size=8)
    first = layer("one", "dense", arrays={"kernel": kernel, "bias": bias})
    norm = layer("norm", "batchnorm", "one", arrays={"scale": scale, "shift": shift})
    whole = network(first, norm, dense("two", "norm", 8, 2))
    assert set(estimate_network(whole).layers) == {"one", "two"}
    found = folded(whole)
    assert [one.name for one in found.layers] == ["one", "two"]
    assert found.layers[1].inputs == ("one",)
    assert np.allclose(found.layers[0].arrays["kernel"], kernel * scale)
    assert np.allclose(found.layers[0].arrays["bias"], bias * scale + shift)
    shared = network(first, norm, Layer("sum", "add", ("one", "norm"), BITS8))
    assert [one.name for one in folded(shared).layers] == ["one", "norm", "sum"]
    assert estimate_network(shared).layers["norm"].dsp.value <= 8


@pytest.mark.parametrize(
    "one",
    [
        layer("p", "pool"),
        layer("p", "pool", options={"of": "average"}),
        layer("a", "activation", options={"function": "softmax"}),
        layer("a", "activation", options={"function": "tanh"}),
        layer("a", "activation", style="da"),
        layer("f", "flatten"),
    ],
    ids=lambda one: f"{one.kind}-{one.options}-{one.style}",
)
def test_every_kind_has_figures_in_order(one: Layer) -> None:
    found = estimate_network(network(one, shape=(6, 4))).layers[one.name]
    for what in ("dsp", "lut", "ff", "bram18", "cycles", "ii"):
        figure = getattr(found, what)
        assert 0 <= figure.low <= figure.value <= figure.high
        assert figure.rule


def test_softmax_tables_are_one_bram_per_class() -> None:
    net = network(dense("one", "input", 16, 5), layer("s", "activation", "one", options={"function": "softmax"}))
    assert estimate_network(net).total.bram18 == replace(exact(5, ""), rule=estimate_network(net).total.bram18.rule)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: small(reuse_factor=7), r"layer 'one' \(dense\): reuse factor 7 does not divide 16x8: take 8"),
        (lambda: small(reuse_factor=3, style="resource"), r"layer 'one' \(dense\): reuse factor 3 of 16x8"),
        (lambda: small(reuse_factor=2, style="da"), r"layer 'one' \(dense\): .*distributed"),
        (lambda: network(dense("odd", "input", 12, 4)), r"layer 'odd' \(dense\): takes 12 features"),
    ],
)
def test_what_cannot_be_built_names_the_layer(make: Callable[[], Network], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        estimate_network(make())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arrays": {"kernel": np.array([[np.nan]])}}, r"layer 'x' \(dense\): kernel has NaN or infinity at \[0, 0\]"),
        ({"arrays": {}}, "no type|kernel is missing"),
        ({"arrays": {"kernel": [[1.0]]}}, r"layer 'x' \(dense\): kernel is no array"),
        ({"arrays": {"kernel": np.array([["1"]])}}, "kernel is no array"),
        ({"reuse_factor": 0}, "reuse factor 0"),
        ({"style": "magic"}, "style 'magic'"),
        ({"kind": "attention"}, "kind 'attention'"),
        ({"options": {"stride": 2}}, "no option 'stride'"),
        ({"inputs": ("input", "input")}, "takes 2 inputs"),
    ],
)
def test_layers_that_are_none_name_themselves(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        replace(dense("x", "input", 1, 1), **change)


def test_small_changes_change_what_they_say() -> None:
    net = small(style="resource", reuse_factor=2)
    before = estimate_network(net).total
    after = {words: change(net) for words, change in VARIANTS.items()}
    assert [one.weight.bits for one in after["one more bit of weights"].layers if one.weight] == [9, 9]
    assert [one.reuse_factor for one in after["the next reuse factor"].layers if one.arrays] == [4, 4]
    assert estimate_network(after["the next reuse factor"]).total.lut.value < before.lut.value
    full, pruned = net.layers[0].integers("kernel"), after["10 % of the weights left out"].layers[0].integers("kernel")
    assert np.count_nonzero(pruned) == round(0.9 * np.count_nonzero(full))
    assert np.abs(full[pruned == 0]).max() <= np.abs(pruned[pruned != 0]).min()
    assert {one.style for one in styled(net, "da").layers} == {"da"}


def test_activations_are_what_reports_of_networks_hold_beside_their_layers() -> None:
    seen = 0
    for row in rows("networks"):
        same = ("task", "multiplier_pragma", "reuse_factor")
        layers = [one for one in rows("dense") if all(one[key] == row[key] for key in same)]
        if not layers:
            continue
        multiplier = row["multiplier_pragma"].lower()
        widths = [n_out for _, n_out in row["layers"]]
        parts = [network(layer("a", "activation"), shape=(width,)) for width in widths[:-1]]
        softmax = layer("a", "activation", options={"function": "softmax"}, multiplier=multiplier)
        found = [estimate_network(one).total for one in (*parts, network(softmax, shape=(widths[-1],)))]
        for what, key in (("lut", "LUT"), ("ff", "FF"), ("dsp", "DSP"), ("bram18", "BRAM_18K"), ("cycles", "latency_cycles")):
            beside = row[key] - sum(one.get(key, 0) for one in layers)
            assert sum(getattr(one, what).low for one in found) <= beside <= sum(getattr(one, what).high for one in found), (
                row,
                what,
            )
        seen += 1
    assert seen == 14
