"""Tensors whose numbers have types of their own: files, inputs, shapes that do not fit, and what estimates make of them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import Layer, Network, estimate_network
from ngtbench.kernels.fpga.inference import infer, infer_integers
from ngtbench.kernels.fpga.network_file import read, write
from ngtbench.kernels.fpga.variants import styled
from ngtbench.kernels.fpga.varied import Varied, by_channel, every, of_channels, one_for_all, shape_of, varied
from ngtbench.physics.fpga.fixed_point import parse

FINE, COARSE = parse("ap_fixed<8,3,RND,SAT>"), parse("ap_ufixed<3,4,RND,SAT>")
MIXED = varied([FINE, None, COARSE])
EIGHT = parse("ap_fixed<8,4>")


def network(given: Any = EIGHT, result: Any = MIXED, **more: Any) -> Network:
    arrays = {"kernel": np.random.default_rng(1).normal(size=(3, 3))}
    return Network((3,), given, (Layer("d", "dense", ("input",), result, EIGHT, arrays=arrays, **more),))


def test_one_type_holds_all_and_what_repeats_is_left_out() -> None:
    assert (str(one_for_all(MIXED)), shape_of(MIXED)) == ("ap_fixed<10,5,RND,SAT>", (3,))
    assert varied([[FINE] * 3] * 2) == FINE
    assert varied([[FINE, None]] * 4) == varied([FINE, None])
    assert every(varied([FINE, None]), (2, 2), lambda one: one.bits).tolist() == [[8, 0], [8, 0]]
    assert shape_of(varied([[FINE], [COARSE]])) == (2, 1)
    low, high, point = by_channel(varied([[FINE, None], [COARSE, COARSE]]), 2)
    assert (low.tolist(), high.tolist(), point.tolist()) == ([-4, 0], [14, 14], [5, 0])
    assert of_channels(varied([[FINE, None, FINE], [COARSE, FINE, FINE]]), np.array([True, False, True])) == varied(
        [[FINE, FINE], [COARSE, FINE]]
    )
    none = of_channels(MIXED, np.zeros(3, bool))
    assert [len(one) for one in by_channel(none, 0)] == [0, 0, 0]
    assert [one.tolist() for one in by_channel(FINE, 2)] == [[-4, -4], [3.96875, 3.96875], [5, 5]]
    with pytest.raises(BadInput, match="round or overflow differently"):
        varied([FINE, replace(FINE, overflow="WRAP")])
    with pytest.raises(BadInput, match="63 bits"):
        varied([replace(FINE, bits=60, integer=60), replace(FINE, bits=8, integer=5)])


def test_inputs_are_rounded_once_in_their_own_types() -> None:
    flat = Network((3,), MIXED, (Layer("f", "flatten", ("input",), one_for_all(MIXED)),))
    x = np.array([[0.99, 5.0, 0.99], [-9.0, -5.0, -9.0], [1.02, 0.1, 99.0]])  # 0.99 rounded to 1 first would be 2
    assert infer(flat, x).tolist() == [[1.0, 0.0, 0.0], [-4.0, 0.0, 0.0], [1.03125, 0.0, 14.0]]
    assert infer_integers(flat, np.array([[3, 0, 64]])).tolist() == [[3, 0, 64]]
    for wrong in ([[3, 1, 64]], [[3, 0, 65]], [[3, 0, -64]], [[128, 0, 0]]):
        with pytest.raises(BadInput, match="are not all in 2 types in ap_fixed<10,5"):
            infer_integers(flat, np.array(wrong))


@pytest.mark.parametrize("of", [MIXED, varied([None, None, FINE])])
def test_types_come_back_from_files(tmp_path: Path, of: Any) -> None:
    net = network(of, of)
    write(net, tmp_path / "net.json")
    back = read(tmp_path / "net.json")
    assert (back.type, back.layers[0].result) == (of, of)
    plain = json.loads((tmp_path / "net.json").read_text())
    plain["input"]["type"] = plain["layers"][0]["result_type"] = ["0" if one is None else str(one) for one in of.each]
    (tmp_path / "net.json").write_text(json.dumps(plain))
    assert read(tmp_path / "net.json").layers[0].result == of


@pytest.mark.parametrize(
    ("types", "words"),
    [
        (["ap_fixed<8,2>", "ap_fixed<8>", "0"], "layer 'd': result_type: 'ap_fixed<8>' is no fixed-point type"),
        ([["0"], ["0", "0"]], "layer 'd': result_type: lists of different lengths"),
        (["ap_fixed<8,2>", "ap_fixed<8,2,RND>", "0"], "layer 'd': result_type: types of one tensor round"),
        ([8, 8, 8], "layer 'd': result_type: give texts"),
        ("d/kernel", "layer 'd': result_type: give texts"),
        ([], "layer 'd': result_type: give texts"),
        (["ap_fixed<8,2>", "0"], r"layer 'd' \(dense\): result types of shape \[2\] for \[3\]"),
    ],
)
def test_types_that_do_not_fit_are_named(tmp_path: Path, types: Any, words: str) -> None:
    write(network(), tmp_path / "net.json")
    plain = json.loads((tmp_path / "net.json").read_text())
    plain["layers"][0]["result_type"] = types
    (tmp_path / "net.json").write_text(json.dumps(plain))
    with pytest.raises(BadInput, match=f"net.json: {words}"):
        read(tmp_path / "net.json")


def test_a_state_of_its_own_types_has_no_steps() -> None:
    arrays = {"kernel": np.ones((2, 6)), "recurrent": np.ones((2, 6))}
    options = {"sequence": True}
    for of, fits in ((varied([FINE, COARSE]), True), (varied([[FINE, COARSE], [COARSE, FINE]]), False)):
        gru = Network((2, 2), EIGHT, (Layer("g", "gru", ("input",), of, EIGHT, arrays=arrays, options=options),))
        if fits:
            assert infer(gru, np.ones((1, 2, 2))).shape == (1, 2, 2)
            continue
        with pytest.raises(BadInput, match=r"layer 'g' .gru.: result types of shape"):
            gru.shapes()
    with pytest.raises(BadInput, match="input: types of shape"):
        network(varied([FINE, COARSE])).shapes()


@pytest.mark.parametrize("style", ["latency", "resource", "da"])
def test_an_estimate_takes_them_for_no_more_than_the_type_that_holds_all(style: Any) -> None:
    assert isinstance(MIXED, Varied)
    own = estimate_network(styled(network(MIXED, MIXED), style)).total
    wide = estimate_network(styled(network(one_for_all(MIXED), one_for_all(MIXED)), style)).total
    for what in ("lut", "ff", "dsp", "bram18", "cycles", "ii"):
        assert 0 <= getattr(own, what).low <= getattr(own, what).value <= getattr(wide, what).value
    if style == "da":
        assert own.lut.value < wide.lut.value
