"""Layers that carry quantisers, in the shape of PQuantML's and HGQ2's: numbers and types as their quantisers give them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.imports import Types
from ngtbench.kernels.fpga.imports_hgq import from_hgq
from ngtbench.kernels.fpga.imports_quantised import data_type, weight_type
from ngtbench.kernels.fpga.imports_torch import from_torch
from ngtbench.kernels.fpga.inference import infer
from ngtbench.kernels.fpga.varied import shape_of
from ngtbench.model.workload import Array

KIF = tuple[Any, Any, Any]


def rounded(x: Array, kif: KIF) -> Array:
    """The definition: to nearest, ties up, saturated; of no bits, zero."""
    k, i, f = (np.asarray(part, float) for part in kif)
    made = np.clip(np.floor(x * 2**f + 0.5) / 2**f, -k * 2**i, 2**i - 2**-f)
    return np.asarray(np.where(k + i + f > 0, made, 0))


class PQQuantiser:
    round_mode, overflow = "RND", "SAT"

    def __init__(self, *kif: Any) -> None:
        self.kif = kif

    def get_quantization_bits(self) -> tuple[torch.Tensor, ...]:
        return tuple(torch.tensor(part, dtype=torch.float32) for part in self.kif)


class PQLinear(nn.Linear):
    """Weights that are quantised when they are read."""

    def __init__(self, wide: int, out: int, weight: KIF, given: KIF, result: KIF | None = None) -> None:
        super().__init__(wide, out)
        self._weights = torch.tensor(rounded(self.weight.detach().numpy(), weight))
        self.quantize_input = self.enable_quantization = True
        self.quantize_output = result is not None
        self.input_quantizer, self.weight_quantizer = PQQuantiser(*given), PQQuantiser(*weight)
        self.bias_quantizer = PQQuantiser(1, 0, 4)
        self.output_quantizer = PQQuantiser(*result) if result else None
        with torch.no_grad():
            self.bias.copy_(torch.tensor(rounded(self.bias.detach().numpy(), (1, 0, 4))))

    def __getattribute__(self, name: str) -> Any:
        made = object.__getattribute__(self, "__dict__").get("_weights") if name == "weight" else None
        return super().__getattribute__(name) if made is None else made


class PQReLU(nn.Module):
    activation_name, use_hgq, use_multiplier, enable_quantization = "relu", False, True, True
    quantize_input, quantize_output, multiplier = True, False, torch.tensor(-1.2)
    input_quantizer = PQQuantiser(1, 2, 3)


def test_layers_of_pquantml_give_their_types_and_the_multiplier_of_relu() -> None:
    torch.manual_seed(3)
    fine = [[3.0], [6.0], [4.0]]  # bits behind the point of each output's weights
    first = PQLinear(4, 3, (1, 0, fine), (1, 2, 3))
    last = PQLinear(3, 2, (1, 0, 5), (0, 2, 2), (1, 1, 4))
    network = from_torch(nn.Sequential(first, PQReLU(), last), (4,), Types())
    assert str(network.type) == "ap_fixed<6,3,RND,SAT>"
    assert [str(layer.result) for layer in network.layers[1:]] == [
        "ap_fixed<6,3,RND,SAT>", "ap_ufixed<4,2,RND,SAT>", "ap_fixed<6,2,RND,SAT>"
    ]  # fmt: skip
    x = np.random.default_rng(1).normal(0, 2, (300, 4))
    h = rounded(x, (1, 2, 3)) @ first.weight.numpy().T + first.bias.detach().numpy()
    h = rounded(np.maximum(rounded(h / 2, (1, 2, 3)), 0), (0, 2, 2))
    wanted = rounded(h @ last.weight.numpy().T + last.bias.detach().numpy(), (1, 1, 4))
    assert np.array_equal(infer(network, x), wanted)
    assert len(np.unique(wanted)) > 10


def hgq(kernel: Array, weight: KIF, given: KIF, function: str, **more: Any) -> Any:
    def quantiser(kif: KIF) -> Any:
        return SimpleNamespace(quantizer=SimpleNamespace(k=kif[0], i=kif[1], f=kif[2], overflow_mode="SAT", round_mode="S_RND"))

    told = {"name": "q", "kq": quantiser(weight), "iq": quantiser(given), "enable_iq": True, "bias": None, "qkernel": kernel}
    return SimpleNamespace(**told, activation=SimpleNamespace(__name__=function), **more)


def test_layers_of_hgq2_may_have_a_type_for_each_weight_and_prune_some() -> None:
    random = np.random.default_rng(2)
    bits = (1, 0, random.integers(-1, 6, (4, 5)))  # of -1 bits a weight is none
    kernel = rounded(random.normal(size=(4, 5)), bits)
    assert np.any(kernel == 0)
    model = SimpleNamespace(input_shape=(None, 4), layers=[hgq(kernel, bits, (1, 3, 2), "relu")])
    x = random.normal(0, 3, (200, 4))
    assert np.array_equal(infer(from_hgq(model, Types()), x), np.maximum(rounded(x, (1, 3, 2)) @ kernel, 0))


@pytest.mark.parametrize("shape", [(5,), (1, 5), (3, 1)])
def test_layers_of_hgq2_may_have_a_type_for_each_number_of_a_tensor(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(4)
    of = random.integers(0, 2, shape), random.integers(-1, 4, shape), random.integers(-2, 4, shape)  # some of no bits
    kernel, bits = rounded(random.normal(size=(5, 3)), (1, 0, 4)), (1, 0, 4)
    last = hgq(np.eye(3), (1, 1, 0), (1, 3, np.array([[3, 1, 2]])), "linear")
    last.name = "last"
    given = (3, 5)  # steps, features
    model = SimpleNamespace(input_shape=(None, *given), layers=[hgq(kernel, bits, of, "relu"), last])
    x = random.normal(0, 3, (100, *given))
    network = from_hgq(model, Types())
    h = np.maximum(rounded(x, of) @ kernel, 0)
    assert np.array_equal(infer(network, x), rounded(h, (1, 3, [3, 1, 2])))
    assert shape_of(network.type) == {(5,): (5,), (1, 5): (5,), (3, 1): (3, 5)}[shape]
    assert shape_of(network.layers[1].result) == (3,)


def test_layers_of_pquantml_count_channels_first_in_their_types() -> None:
    random, given = np.random.default_rng(5), (3, 2, 4)  # channels last
    fine = random.integers(-1, 5, (1, 4, 3, 2))
    bits = fine.ravel()
    torch.manual_seed(2)
    flat, conv = PQLinear(24, 2, (1, 0, 6), (1, 2, bits)), nn.Flatten()
    pool = nn.MaxPool2d(1)
    pool.quantize_input = pool.enable_quantization = True  # type: ignore[assignment]  # as its package does
    pool.input_quantizer = PQQuantiser(1, 2, fine + 1)  # type: ignore[assignment]  # a stand-in
    x = random.normal(0, 2, (50, *given))
    first = np.moveaxis(x, -1, 1)
    flattened = rounded(rounded(first, (1, 2, fine + 1)).reshape(50, -1), (1, 2, bits))
    wanted = flattened @ flat.weight.numpy().T + flat.bias.detach().numpy()
    assert np.array_equal(infer(from_torch(nn.Sequential(pool, conv, flat), given, Types()), x), wanted)


def test_what_has_no_import_is_named() -> None:
    kernel = np.ones((4, 1))
    for layer, words in (
        (hgq(kernel, (1, 1, 1), (1, 3, [2, 1, 1]), "relu"), r"layer 'q': types of shape \[3\] for a tensor of \[4\]"),
        (hgq(kernel, (1, 1, 1), (1, 3, [2, np.nan, 1, 1]), "relu"), "layer 'q': its quantiser has bits that are NaN"),
        (hgq(kernel, (1, 1, 1), (1, [40, 1, 1, 1], [1, 1, 1, 40]), "relu"), "layer 'q': a fixed-point type of 81 bits"),
        (hgq(kernel, (1, 1, 1), (1, 3, 2), "gelu"), "layer 'q': a kernel of 2 axes, activation gelu"),
        (SimpleNamespace(name="s"), "layer 's': no import of SimpleNamespace"),
    ):
        with pytest.raises(BadInput, match=words):
            from_hgq(SimpleNamespace(input_shape=(None, 4), layers=[layer]), Types())
    with pytest.raises(BadInput, match="layer 'x': its quantiser SimpleNamespace has no bits k, i, f"):
        data_type("x", SimpleNamespace(round_mode="RND"), (4,))
    assert str(weight_type("x", PQQuantiser(1, 2, 3), PQQuantiser(0, 4, 0))) == "ap_fixed<8,5,TRN,WRAP>"
    unbuilt = PQLinear(4, 3, (1, 0, 3), (1, 2, 3))
    del unbuilt.input_quantizer
    with pytest.raises(BadInput, match="layer 'pqlinear': its quantisers are not there before it has seen an input"):
        from_torch(unbuilt, (4,), Types())
