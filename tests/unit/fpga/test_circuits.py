"""Circuits against inference, bit for bit, and what becomes of tools that are missing, slow or hand back nonsense."""

import importlib.util
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput, CompileError, Unavailable
from ngtbench.kernels.fpga import circuit, synthesis
from ngtbench.kernels.fpga.network import Network
from ngtbench.kernels.fpga.varied import varied
from ngtbench.kernels.fpga.verify import compared, drawn, parts, verify
from ngtbench.physics.fpga.fixed_point import Fixed, parse
from tests.unit.fpga.circuits import NETWORKS, OUTPUTS, layer

FINE, COARSE = Fixed(True, 6, 3, "RND", "SAT"), Fixed(False, 3, 4, "RND", "SAT")


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


@pytest.mark.parametrize("reuse_factor", [1, 3])
@pytest.mark.parametrize("of", [varied([None]), varied([FINE, None, COARSE]), varied([COARSE, FINE, FINE])])
def test_outputs_may_have_types_of_their_own_or_be_zero(compilers: None, of: Fixed, reuse_factor: int) -> None:
    dense = replace(layer("d", "dense", "input", "ap_fixed<8,4>", like=(6, 3), reuse_factor=reuse_factor), result=of)
    given = varied([None, *(Fixed(k % 2 == 0, 1 + k, k, "RND", "SAT") for k in range(5))])
    (found,) = verify(Network((6,), given, (dense,)), outputs=OUTPUTS, synthesis=False)
    assert found.unequal == 0


def test_constants_wrap_as_types_say_and_small_numbers_below_zero_are_refused(compilers: None) -> None:
    kernel = np.array([[0.0, 0.0, 0.25], [0.0, 0.0, 0.5]])
    first = layer("d", "dense", "input", "ap_ufixed<4,3>", like=(2, 3))
    constant = replace(
        first, arrays={"kernel": kernel * [1, 1, 0], "bias": np.array([-0.5, 13.25, 1.5])}, weight=parse("ap_fixed<9,6>")
    )
    (found,) = verify(Network((2,), parse("ap_fixed<4,0>"), (constant,)), outputs=OUTPUTS, synthesis=False)
    assert found.unequal == 0
    small = replace(first, arrays={"kernel": kernel})
    with pytest.raises(BadInput, match=r"layer 'd' .dense.: no adder graph has a result .* that wraps numbers just below zero"):
        circuit.circuit(Network((2,), parse("ap_fixed<4,0>"), (small,)))


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
        {"net.v": "module net (input [3:0] model_inp, output [3:0] model_out); endmodule"}, (4,), (0,), (4,), (False,), (0,)
    )
    with pytest.raises(Unavailable, match="yosys did not end within"):
        synthesis.synthesise(wide, 0.05)
    with pytest.raises(CompileError, match="1 of 1 outputs, one of them z"):
        synthesis.simulate(wide, [[3]], 60)
    with pytest.raises(CompileError, match="iverilog rejects"):
        synthesis.simulate(replace(wide, sources={"net.v": "module net ("}), [[3]], 60)
    assert not list(tmp_path.iterdir())
