"""Circuits against inference, bit for bit, and what becomes of tools that are missing, slow or hand back nonsense."""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput, CompileError, Unavailable
from ngtbench.kernels.fpga import circuit, synthesis
from ngtbench.kernels.fpga.multiplexed import multiplexed
from ngtbench.kernels.fpga.network import Layer, Network
from ngtbench.kernels.fpga.verify import compared, drawn, exact, parts, verify
from ngtbench.physics.fpga.fixed_point import Fixed, parse

OUTPUTS = 300
Find = Callable[[str, str], str]


@pytest.fixture
def tools(tool: Find) -> None:
    for name in ("yosys", "iverilog", "vvp"):
        tool(name, synthesis.REMEDY)


@pytest.fixture
def compilers(tools: None) -> None:
    if importlib.util.find_spec("da4ml") is None:
        message = f"da4ml is not installed: {circuit.REMEDY}"
        (pytest.fail if os.environ.get("NGTBENCH_REQUIRE_ALL") == "1" else pytest.skip)(message)


def layer(name: str, kind: Any, before: str, result: str, *, like: tuple[int, ...] = (), **more: Any) -> Layer:
    random, weight = np.random.default_rng(len(name)), parse("ap_fixed<5,2>") if like else None
    arrays = {"kernel": random.normal(0, 0.6, like), "bias": random.normal(0, 0.4, like[-1])} if like else {}
    return Layer(name, kind, (before,), parse(result), **{"weight": weight, "arrays": arrays, **more})


NETWORKS = {
    "dense": Network(
        (6,),
        parse("ap_fixed<6,3>"),
        (
            layer("d", "dense", "input", "ap_fixed<8,4,RND,SAT>", like=(6, 5)),
            layer("r", "activation", "d", "ap_ufixed<5,3,RND,SAT>"),
            layer("dd", "dense", "r", "ap_fixed<7,3,TRN,WRAP>", like=(5, 3)),
        ),
    ),
    "tables": Network(
        (3,),
        parse("ap_fixed<6,4>"),
        (
            layer("s", "activation", "input", "ap_fixed<6,2>", options={"function": "sigmoid", "table_size": 32}),
            layer("d", "dense", "s", "ap_fixed<5,3,TRN,SAT_SYM>", like=(3, 3)),
            layer("t", "activation", "d", "ap_fixed<6,2,RND,SAT_SYM>", options={"function": "tanh", "table_size": 64}),
        ),
    ),
    "convolution": Network(
        (5, 5, 1),
        parse("ap_fixed<4,2>"),
        (
            layer("c", "conv2d", "input", "ap_fixed<8,4,RND,SAT>", like=(2, 2, 1, 2), options={"padding": "same", "stride": 2}),
            layer("p", "pool", "c", "ap_fixed<7,4,RND,SAT>", options={"of": "average", "size": 2, "stride": 1}),
            layer("m", "pool", "p", "ap_fixed<7,4>", options={"size": 2, "stride": 2}),
            layer("f", "flatten", "m", "ap_fixed<9,4>"),  # two bits that circuits leave out
        ),
    ),
    "residual": Network(
        (3,),
        parse("ap_ufixed<5,2>"),
        (
            layer("b", "batchnorm", "input", "ap_fixed<7,4,RND,WRAP>", weight=parse("ap_fixed<5,2>"),
                  arrays={"scale": np.array([0.5, -1.25, 1.5]), "shift": np.array([0.5, -0.25, 1.0])}),
            Layer("a", "add", ("b", "input"), parse("ap_fixed<6,4,TRN,SAT>")),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("stage_depth", [0, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_an_adder_graph_computes_what_inference_does(compilers: None, name: str, stage_depth: int) -> None:
    (found,) = verify(NETWORKS[name], outputs=OUTPUTS, stage_depth=stage_depth, synthesis=False)
    assert found.part == "network"
    assert found.unequal == 0
    assert found.outputs >= OUTPUTS
    assert found.cost is not None
    assert found.cost > 0
    assert bool(found.register_bits) == (stage_depth > 0)


def test_a_wrong_weight_is_found(compilers: None) -> None:
    network = NETWORKS["dense"]
    made = circuit.circuit(network)
    kernel = network.layers[0].arrays["kernel"].copy()
    kernel[0, 0] += 0.125
    first = replace(network.layers[0], arrays={**network.layers[0].arrays, "kernel": kernel})
    wrong = replace(network, layers=(first, *network.layers[1:]))
    vectors = drawn(network, 100, seed=2)
    assert compared(network, made.design, vectors, 60) == 0
    assert compared(wrong, made.design, vectors, 60) > 0


@pytest.mark.parametrize(("weight_bits", "input_bits", "dsp"), [(8, 8, 2), (18, 27, 2), (19, 28, 8), (4, 4, 0)])
def test_reused_multipliers_take_the_dsp_of_their_widths(tools: None, weight_bits: int, input_bits: int, dsp: int) -> None:
    random, weight, given = np.random.default_rng(1), Fixed(True, weight_bits, 2), Fixed(True, input_bits, 2)
    w = random.integers(weight.lowest, weight.highest, (4, 2), endpoint=True)
    design = multiplexed(w, np.array([5, -7]), weight=weight, given=given, reuse_factor=4)
    assert synthesis.synthesise(design, 120).dsp == dsp


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("reuse_factor", [2, 3, 6])
def test_a_layer_of_reused_multipliers_computes_what_inference_does(tools: None, reuse_factor: int, signed: bool) -> None:
    given = Fixed(signed, 7, 3)
    dense = layer("d", "dense", "input", "ap_fixed<8,4>", like=(6, 4), style="resource", reuse_factor=reuse_factor)
    (found,) = verify(Network((6,), given, (dense,)), outputs=OUTPUTS, synthesis=False)
    assert (found.by, found.unequal, found.estimated) == ("ngtbench", 0, "dsp")
    summed = exact(Network((6,), given, (dense,)))
    off = replace(summed, layers=(replace(summed.layers[0], arrays={**dense.arrays, "bias": dense.arrays["bias"] + 0.125}),))
    design = multiplexed(
        dense.integers("kernel"),
        dense.integers("bias") << 4,
        weight=parse("ap_fixed<5,2>"),
        given=given,
        reuse_factor=reuse_factor,
    )
    assert compared(off, design, drawn(summed, 20, 1), 60) == 20 * 4


def test_layers_stand_alone_where_one_reuses_multipliers() -> None:
    first, relu, last = NETWORKS["dense"].layers
    alone = parts(replace(NETWORKS["dense"], layers=(replace(first, reuse_factor=2), relu, last)))
    assert [part.layers[0].name for part in alone] == ["d", "r", "dd"]
    assert [part.type for part in alone] == [parse("ap_fixed<6,3>"), first.result, relu.result]
    assert alone[2].shape == (5,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"result": parse("ap_fixed<8,4,RND_CONV,SAT>")}, "layer 'd' .dense.: no adder graph has a result .*RND_CONV"),
        ({"result": parse("ap_fixed<4,2,RND,SAT_ZERO>")}, "no adder graph has a result .*SAT_ZERO"),
        ({"total": parse("ap_fixed<8,4>")}, "an accumulator ap_fixed<8,4,TRN,WRAP> that rounds or overflows"),
        ({"weight": parse("ap_fixed<30,2>")}, "weights of more than 24 bits"),
    ],
)
def test_what_no_adder_graph_has_is_said_with_the_layer(compilers: None, change: dict[str, Any], words: str) -> None:
    first = replace(NETWORKS["dense"].layers[0], **change)
    with pytest.raises(BadInput, match=words):
        circuit.circuit(replace(NETWORKS["dense"], layers=(first,)))


def test_missing_tools_are_named_with_what_installs_them(monkeypatch: Any) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert synthesis.missing() == ("yosys", "iverilog", "vvp")
    with pytest.raises(Unavailable, match=r"yosys is not installed \(apt-get install yosys iverilog\)"):
        synthesis.version()
    with pytest.raises(Unavailable, match=r"da4ml or alkaid is not installed \(pip install 'ngtbench\[fpga\]'\)"):
        circuit.compiler()
    with pytest.raises(Unavailable, match=r"alkaid is not installed \(pip install alkaid\)"):
        circuit.compiler("alkaid")
    with pytest.raises(BadInput, match="no adder-graph compiler 'da5ml': give one of da4ml, alkaid"):
        circuit.compiler("da5ml")


def test_a_tool_that_is_slow_or_rejects_the_text_leaves_no_files(tools: None, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    wide = synthesis.Design(
        {"net.v": "module net (input [3:0] model_inp, output [3:0] model_out); endmodule"}, (4,), (4,), (False,), (0,)
    )
    with pytest.raises(Unavailable, match="yosys did not end within"):
        synthesis.synthesise(wide, 0.05)
    with pytest.raises(CompileError, match="1 of 1 outputs, one of them z"):
        synthesis.simulate(wide, [[3]], 60)
    with pytest.raises(CompileError, match="iverilog rejects"):
        synthesis.simulate(replace(wide, sources={"net.v": "module net ("}), [[3]], 60)
    assert not list(tmp_path.iterdir())


def test_bad_layers_for_reuse_are_named() -> None:
    weight = given = Fixed(True, 4, 2)
    w = np.ones((6, 2), int)
    with pytest.raises(BadInput, match="layer 'x': reuse factor 4 does not divide 6 inputs"):
        multiplexed(w, w[0], weight=weight, given=given, reuse_factor=4, name="x")
    with pytest.raises(BadInput, match="layer 'x': weights from 9 to 9 are not all in ap_fixed<4,2"):
        multiplexed(9 * w, w[0], weight=weight, given=given, reuse_factor=2, name="x")
    conv = NETWORKS["convolution"].layers[0]
    with pytest.raises(BadInput, match=r"layer 'c' \(conv2d\): a circuit that reuses multipliers is written for dense layers"):
        exact(replace(NETWORKS["convolution"], layers=(conv,)))
