"""Models of other packages as networks: the same numbers where types hold every bit, and the types that the models give."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.imports import Types
from ngtbench.kernels.fpga.imports_torch import from_torch
from ngtbench.kernels.fpga.inference import infer
from ngtbench.kernels.fpga.model_file import read_model
from ngtbench.kernels.fpga.network import Network
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import parse

TYPES = Types(parse("ap_fixed<8,4>"), parse("ap_fixed<10,3,RND_CONV,SAT>"))


def on_grid(model: nn.Module) -> nn.Module:
    """Bring all parameters to multiples of 2^-7 below 4, so that no import rounds them."""
    random = np.random.default_rng(3)
    with torch.no_grad():
        for one in model.parameters():
            one.copy_(torch.from_numpy(random.integers(-300, 300, tuple(one.shape)) / 128))
    return model.double().eval()


def inputs(*shape: int) -> Array:
    return np.random.default_rng(4).integers(-128, 128, (5, *shape)) / 16


def channels_first(x: Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


def same(network: Network, model: nn.Module, x: Array) -> None:
    with torch.no_grad():
        wanted = model(channels_first(x) if x.ndim > 2 else torch.from_numpy(x)).numpy()
    assert np.array_equal(infer(network, x), wanted)


def test_a_perceptron_of_torch_is_exact() -> None:
    model = on_grid(
        nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Dropout(), nn.Sequential(nn.Linear(5, 3, bias=False), nn.ReLU()))
    )
    network = from_torch(model, (6,), TYPES)
    assert [layer.name for layer in network.layers] == ["0", "1", "3.0", "3.1"]
    same(network, model, inputs(6))


@pytest.mark.parametrize(
    ("window", "stride", "padding", "said"),
    [(3, 1, 1, "same"), (3, 2, 0, "valid"), (3, 1, "same", "same"), (2, 1, "same", "same")],
)
def test_a_convolution_of_torch_is_exact_behind_flatten_too(window: int, stride: int, padding: Any, said: str) -> None:
    wide = 27 if stride == 1 else 3
    layers = nn.Conv2d(2, 3, window, stride, padding), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(wide, 4)
    model = on_grid(nn.Sequential(*layers))
    network = from_torch(model, (7, 6, 2), TYPES)
    assert network.layers[0].option("padding") == said
    same(network, model, inputs(7, 6, 2))


def test_batch_normalisation_and_tables_of_torch_are_near() -> None:
    norm = nn.BatchNorm1d(4)
    norm.running_mean, norm.running_var = torch.tensor([0.5, -1, 0, 2]), torch.tensor([1.0, 0.3, 2, 4])
    model = nn.Sequential(on_grid(nn.Linear(3, 4)), norm.double(), nn.Tanh()).eval()
    network = from_torch(model, (3,), Types(TYPES.given, parse("ap_fixed<18,4,RND,SAT>")))
    x = inputs(3)
    with torch.no_grad():
        wanted = model(torch.from_numpy(x)).numpy()
    assert np.abs(infer(network, x) - wanted).max() < 2 * 4 / 1024 + 2**-10  # a step of the table, and of its entries


def test_what_torch_has_and_networks_have_not_is_named() -> None:
    for model, words in (
        (nn.Sequential(nn.Linear(3, 3), nn.GELU()), "layer '1': no import of GELU"),
        (nn.Sequential(nn.Conv2d(2, 2, 3, padding=2)), r"zeros \(2, 2\) before .* neither 'valid' nor 'same'"),
        (nn.Sequential(nn.Conv2d(2, 2, 3, groups=2)), "layer '0': groups"),
        (nn.Sequential(nn.MaxPool2d(3, padding=1)), "layer '0': pooling with zeros"),
    ):
        with pytest.raises(BadInput, match=words):
            from_torch(model, (3,) if isinstance(model[0], nn.Linear) else (5, 5, 2), TYPES)
    with pytest.raises(BadInput, match="layer '0': the model gives its weights no type"):
        from_torch(nn.Sequential(nn.Linear(3, 3)), (3,), Types(TYPES.given))


def graph(path: Path, nodes: list[Any], constants: dict[str, Any], shape: tuple[int, ...]) -> Path:
    made = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, *shape])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(made), str(path))
    return path


def quant(source: str, target: str, scale: str = "s", bits: str = "bits", **told: Any) -> Any:
    told = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", **told}
    return helper.make_node("Quant", [source, scale, "zero", bits], [target], domain="qonnx.custom_op.general", **told)


def qonnx(x: Array, scale: float | Array, bits: int, signed: bool) -> Array:
    """The definition of the Quant operator, of zero point 0."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return np.asarray(scale * np.clip(np.rint(x / scale), low, high))


def test_quant_nodes_give_numbers_and_types(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    w, b, v = random.normal(size=(4, 6)), random.normal(size=6), random.normal(size=(3, 6))
    constants = {
        "w": w,
        "b": b,
        "v": v,
        "s": 2.0**-4,
        "sw": 2.0 ** -np.array([[2.0], [5.0], [3.0]]),
        "zero": 0,
        "bits": 6,
        "four": 4,
    }
    nodes = [
        quant("x", "xq", bits="four", signed=1),
        quant("w", "wq"),
        quant("b", "bq"),
        helper.make_node("MatMul", ["xq", "wq"], ["m"]),
        helper.make_node("Add", ["m", "bq"], ["a"]),
        helper.make_node("Relu", ["a"], ["r"]),
        quant("r", "rq", bits="four", signed=0),
        quant("v", "vq", scale="sw", bits="four", narrow=1),
        helper.make_node("Gemm", ["rq", "vq"], ["y"], transB=1),
    ]
    network = read_model(graph(tmp_path / "net.onnx", nodes, constants, (4,)), Types())
    assert str(network.type) == "ap_fixed<4,0,RND_CONV,SAT>"
    assert str(network.layers[1].result) == "ap_ufixed<4,0,RND_CONV,SAT>"
    x = random.normal(size=(50, 4)).astype(np.float32).astype(float) / 2
    h = qonnx(np.maximum(qonnx(x, 2**-4, 4, True) @ qonnx(w, 2**-4, 6, True) + qonnx(b, 2**-4, 6, True), 0), 2**-4, 4, False)
    last = np.stack([qonnx(row, 2.0**-k, 4, True).clip(-7 * 2.0**-k) for row, k in zip(v, (2, 5, 3), strict=True)])
    assert np.array_equal(infer(network, x), h @ last.T)


@pytest.mark.parametrize("scales", [(1, 2, 1, 1), (2, 1, 1), (1, 1, 4)])
def test_a_quant_node_may_have_a_scale_for_each_channel_or_place(tmp_path: Path, scales: tuple[int, ...]) -> None:
    random, shape = np.random.default_rng(7), (2, 3, 4)
    s, t = 2.0 ** -random.integers(0, 5, scales), 2.0 ** -random.integers(0, 5, (1, 24))
    nodes = [
        quant("x", "q"),
        helper.make_node("Flatten", ["q"], ["f"]),
        quant("f", "fq", scale="t"),
        helper.make_node("MatMul", ["fq", "w"], ["y"]),
    ]
    w = random.integers(-8, 8, (24, 3)) / 8
    constants = {"s": s, "t": t, "w": w, "zero": 0, "bits": 5}
    network = read_model(graph(tmp_path / "net.onnx", nodes, constants, shape), Types(weight=parse("ap_fixed<5,2>")))
    x = random.normal(0, 3, (30, *shape))
    wanted = qonnx(qonnx(x, s, 5, True).reshape(30, -1), t, 5, True) @ w
    assert np.array_equal(infer(network, np.moveaxis(x, 1, -1)), wanted)


@pytest.mark.parametrize("shape", [(2,), (2, 3, 4)])
def test_a_tensor_that_is_quantised_twice_gets_both_types(tmp_path: Path, shape: tuple[int, ...]) -> None:
    constants = {"fine": 2.0**-7, "ten": 10, "s": 2.0**-4, "sw": 2.0**-2, "zero": 0, "bits": 6, "four": 3}
    coarse = {"scale": "sw", "bits": "four", "rounding_mode": "FLOOR"}
    nodes = [quant("x", "a", "fine", "ten"), helper.make_node("Relu", ["a"], ["r"]), quant("r", "q"), quant("q", "y", **coarse)]
    network = read_model(graph(tmp_path / "net.onnx", nodes, constants, shape), Types())
    x = np.random.default_rng(6).normal(size=(40, *shape[1:], shape[0]))
    assert np.array_equal(infer(network, x), np.clip(np.floor(qonnx(qonnx(x, 2**-7, 10, True), 2**-4, 6, True) * 4) / 4, 0, 0.75))


def test_a_convolution_of_onnx_is_that_of_torch(tmp_path: Path) -> None:
    model = on_grid(nn.Sequential(nn.Conv2d(2, 3, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 4)))
    conv, last = model[0], model[4]  # type: ignore[index]  # a Module by its types
    constants = {"w": conv.weight, "b": conv.bias, "v": last.weight, "c": last.bias}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["1"], ["2"]),
        helper.make_node("MaxPool", ["2"], ["3"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["3"], ["4"]),
        helper.make_node("Gemm", ["4", "v", "c"], ["y"], transB=1),
    ]
    file = graph(tmp_path / "net.onnx", nodes, {name: one.detach().numpy() for name, one in constants.items()}, (2, 7, 6))
    same(read_model(file, TYPES), model, inputs(7, 6, 2))


def test_bad_graphs_and_files_are_named(tmp_path: Path) -> None:
    constants = {"s": 0.3, "zero": 0, "bits": 6, "w": np.ones((2, 2)), "k": 0.5}
    for nodes, words in (
        ([helper.make_node("Erf", ["x"], ["y"], name="e")], "net.onnx: node 'e' .Erf.: no import of Erf"),
        ([quant("x", "y")], "node 'y' .Quant.: give a scale that is a power of two"),
        ([quant("x", "y", scale="k", rounding_mode="CEIL")], "rounding mode CEIL"),
        ([helper.make_node("MatMul", ["x", "x"], ["y"])], "node 'y' .MatMul.: its input 'x' is no constant"),
        ([helper.make_node("Add", ["x", "k"], ["y"])], "a constant is added to no product"),
    ):
        with pytest.raises(BadInput, match=words):
            read_model(graph(tmp_path / "net.onnx", nodes, constants, (2,)), TYPES if "Quant" not in words else Types())
    plain = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    with pytest.raises(BadInput, match=r"the model gives its (input|weights) no type"):
        read_model(graph(tmp_path / "net.onnx", plain, constants, (2,)), Types())
    (tmp_path / "bad.onnx").write_text("no")
    for name, words in (
        ("bad.onnx", "no ONNX file"),
        ("net.h5", "give a .json or .onnx file"),
        ("net.json", "give none beside it"),
    ):
        with pytest.raises(BadInput, match=words):
            read_model(tmp_path / name, TYPES)
