"""Files that are broken, huge or hostile: bad input that names the file and the layer or node, and never a traceback."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.imports import Types
from ngtbench.kernels.fpga.model_file import read_model
from ngtbench.physics.fpga.fixed_point import parse

PLAIN: dict[str, Any] = {
    "schema": "ngtbench.network/1",
    "input": {"shape": [2], "type": "ap_fixed<8,2>"},
    "weights": "net.npz",
    "layers": [
        {
            "name": "d",
            "kind": "dense",
            "weight_type": "ap_fixed<8,2>",
            "result_type": "ap_fixed<8,2>",
            "arrays": {"kernel": "k"},
        },
        {"name": "t", "kind": "activation", "result_type": "ap_fixed<8,2>", "options": {"function": "tanh"}},
    ],
}


def archive(shape: tuple[int, ...]) -> bytes:
    """A .npz file of one array whose header says this shape and which holds eight bytes."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        made.writestr("k.npy", header.getvalue() + bytes(8))
    return held.getvalue()


def npy() -> bytes:
    held = io.BytesIO()
    np.save(held, np.ones(3))
    return held.getvalue()


@pytest.mark.parametrize(
    "weights",
    [b"", b"PK\x03\x04no", npy(), archive((1 << 40,)), archive((2, 2)), archive((1,)).replace(b"NUMPY", b"NUMPI")],
    ids=["empty", "cut", "npy", "huge", "short", "altered"],
)
def test_broken_weights_are_named(tmp_path: Path, weights: bytes) -> None:
    (tmp_path / "net.npz").write_bytes(weights)
    (tmp_path / "net.json").write_text(json.dumps(PLAIN))
    with pytest.raises(BadInput, match=r"net.npz: no .npz file of weights"):
        read_model(tmp_path / "net.json", Types())


@pytest.mark.parametrize(
    "array", [np.ones((2, 2)) * 1j, np.full((2, 2), "1"), np.ones((2, 2), "M8[s]")], ids=lambda one: one.dtype
)
def test_weights_that_are_no_numbers_are_named(tmp_path: Path, array: Any) -> None:
    np.savez(tmp_path / "net.npz", k=array)
    (tmp_path / "net.json").write_text(json.dumps(PLAIN))
    with pytest.raises(BadInput, match=r"net.json: layer 'd': kernel: give nested lists of real numbers"):
        read_model(tmp_path / "net.json", Types())


def changed(at: tuple[Any, ...], value: Any) -> str:
    plain = json.loads(json.dumps(PLAIN))
    held = plain
    for key in at[:-1]:
        held = held[key]
    held[at[-1]] = value
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 200_000, "no JSON file of a network"),
        ("1" * 5000, "no JSON file of a network"),
        (changed(("input", "shape"), [10**12]), "input: shape .*: give 1 to 8 axes"),
        (changed(("input", "shape"), [1] * 70), "input: shape .*: give 1 to 8 axes"),
        (changed(("input", "shape"), [-1]), "input: shape .*: give 1 to 8 axes"),
        (changed(("input", "type"), "ap_fixed<8,99999999999999999999>"), "input: type: .* is no fixed-point type"),
        (changed(("layers", 0, "arrays", "kernel"), [[10**400], [1]]), "layer 'd': kernel: give nested lists of real numbers"),
        (changed(("layers", 0, "arrays", "kernel"), [[None], [1]]), "layer 'd': kernel: give nested lists of real numbers"),
        (changed(("layers", 0, "reuse_factor"), 2.0), r"layer 'd' \(dense\): reuse factor 2.0: give a whole number"),
        (
            changed(("layers", 1, "options", "table_size"), 1 << 40),
            r"layer 't' \(activation\): option table_size = \d+: give at most",
        ),
    ],
)
def test_hostile_networks_are_named(tmp_path: Path, text: str, words: str) -> None:
    np.savez(tmp_path / "net.npz", k=np.ones((2, 2)))
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(BadInput, match=f"net.json: {words}"):
        read_model(tmp_path / "net.json", Types())


def node(op: str, *more: str, **told: Any) -> Any:
    return helper.make_node(op, ["x", *more], ["y"], name="n", **told)


@pytest.mark.parametrize(
    ("made", "weight", "words"),
    [
        (node("Quant", "one", "zero"), 1.0, r"node 'n' \(Quant\): its inputs or attributes are not those"),
        (node("Quant", "w", "zero", "one"), -1.0, r"node 'n' \(Quant\): give a scale that is a power of two"),
        (node("Quant", "w", "zero", "one"), np.nan, r"node 'n' \(Quant\): give a scale that is a power of two"),
        (node("Quant", "one", "zero", "w"), 0.0, r"node 'n' \(Quant\): a fixed-point type of 0 bits"),
        (node("Quant", "w", "zero", "one"), np.ones(3), r"node 'n' \(Quant\): layer 'n': types of shape \[3\] for a tensor"),
        (node("MaxPool"), 1.0, r"node 'n' \(MaxPool\): its inputs or attributes"),
        (node("MatMul", "w"), [[np.nan], [1.0]], r"node 'n' \(MatMul\): layer 'n' \(dense\): kernel has NaN"),
        (node("MatMul", "w"), [[1j], [1.0]], r"node 'n' \(MatMul\): its input 'w' is of complex64"),
        (node("MatMul", "w"), np.ones((2, 2, 2)), r"node 'n' \(MatMul\): layer 'n' \(dense\): kernel of shape"),
        (node("MatMul"), 1.0, r"node 'n' \(MatMul\): its inputs or attributes"),
        (helper.make_node("Constant", [], ["y"], name="n"), 1.0, r"node 'n' \(Constant\): its inputs or attributes"),
    ],
)  # fmt: skip
def test_hostile_graphs_name_the_node(tmp_path: Path, made: Any, weight: Any, words: str) -> None:
    held = np.asarray(weight, np.complex64 if np.iscomplexobj(weight) else np.float32)
    constants = {"w": held, "one": np.float32(1), "zero": np.float32(0)}
    graph = helper.make_graph(
        [made],
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph), str(tmp_path / "net.onnx"))
    with pytest.raises(BadInput, match=f"net.onnx: {words}"):
        read_model(tmp_path / "net.onnx", Types(parse("ap_fixed<8,4>"), parse("ap_fixed<8,4>")))


def test_huge_or_no_graphs_are_named(tmp_path: Path) -> None:
    for shape, outputs in (([None, 1 << 40], 1), ([None], 1), ([None, 2], 2)):
        graph = helper.make_graph(
            [node("Relu")],
            "net",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)] * outputs,
        )
        onnx.save(helper.make_model(graph), str(tmp_path / "net.onnx"))
        with pytest.raises(BadInput, match=r"net.onnx: (no fixed shape behind the batch: input: shape|1 inputs and 2 outputs)"):
            read_model(tmp_path / "net.onnx", Types(parse("ap_fixed<8,4>")))
