"""Imports of PQuantML's and HGQ2's layers against the packages' own outputs: every number must be equal.

    pip install pquant-ml && python benchmarks/peers/quantised_imports.py [--samples 200]

Both packages run on torch (KERAS_BACKEND=torch). Prints a line per model: outputs that differ, of how many, or why there is no
import.
"""  # fmt: skip

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.imports import Types
from ngtbench.kernels.fpga.imports_hgq import from_hgq
from ngtbench.kernels.fpga.imports_torch import from_torch
from ngtbench.kernels.fpga.inference import infer
from ngtbench.kernels.fpga.network import Network
from ngtbench.model.workload import Array

Compared = tuple[str, Callable[[], Network], Array, Array]  # label, import, inputs channels last, the package's outputs


def main() -> None:
    """Print a line per model."""
    words = argparse.ArgumentParser()
    words.add_argument("--samples", type=int, default=200)
    samples = words.parse_args().samples
    os.environ["KERAS_BACKEND"] = "torch"
    torch.manual_seed(1)
    for label, imported, x, wanted in (*pquantml(samples), *hgq2(samples)):
        try:
            got = infer(imported(), x)
            sys.stdout.write(f"{label}: {np.count_nonzero(got != wanted)} of {wanted.size} outputs differ\n")
        except BadInput as error:
            sys.stdout.write(f"{label}: no import, {error}\n")


def pquantml(samples: int) -> Iterator[Compared]:
    """Yield a perceptron and a convolutional network per granularity, with the multiplier of ReLU and with learned bits."""
    pquant, layers, activations = (importlib.import_module(f"pquant{name}") for name in ("", ".layers", ".activations"))
    for granularity, multiplier, learned in (
        ("per_tensor", False, False),
        ("per_tensor", True, False),
        ("per_channel", False, False),
        ("per_tensor", False, True),
        ("per_weight", False, True),
    ):
        config = pquant.pdp_config()
        told = config.quantization_parameters
        told.granularity, told.use_relu_multiplier, told.use_high_granularity_quantization = granularity, multiplier, learned

        def dense(*wide: int, config: Any = config, **more: Any) -> Any:
            return layers.PQDense(config, *wide, **more)

        relu = activations.PQActivation
        perceptron = nn.Sequential(dense(8, 12), relu(config, "relu"), dense(12, 5, quantize_output=True))
        convolution = layers.PQConv2d(config, 2, 3, 3, padding=1), relu(config, "relu"), nn.MaxPool2d(2), nn.Flatten()
        for model, shape in ((perceptron, (8,)), (nn.Sequential(*convolution, dense(27, 4, quantize_output=True)), (2, 6, 6))):
            model.train()(3 * torch.randn(64, *shape))
            x = 3 * torch.randn(samples, *shape)
            wanted = model.eval()(x).detach().double().numpy()
            last = np.moveaxis(x.double().numpy(), 1, -1) if x.ndim > 2 else x.double().numpy()

            def imported(model: nn.Module = model, shape: tuple[int, ...] = last.shape[1:]) -> Network:
                return from_torch(model, shape, Types())

            yield (
                f"PQuantML, {len(shape)} axes, {granularity}, multiplier {multiplier}, learned {learned}",
                imported,
                last,
                wanted,
            )


def hgq2(samples: int) -> Iterator[Compared]:
    """Yield a perceptron and a convolutional network with HGQ2's defaults, a type for each number, and with one type a tensor.

    The bits of the first are moved at random, as training would: some weights and inputs are left with none.
    """
    keras, layers, config = (importlib.import_module(name) for name in ("keras", "hgq.layers", "hgq.config"))
    keras.utils.set_random_seed(1)
    one = {"heterogeneous_axis": ()}
    saturated = {"q_type": "kif", "overflow_mode": "SAT", "round_mode": "RND_CONV", "i0": 3, "f0": 4}
    for label, told, own in (
        ("defaults", {}, True),
        ("saturated", saturated, True),
        ("one type", one, False),
        ("one type, saturated", {**one, **saturated}, False),
    ):
        with config.QuantizerConfigScope(place=("datalane",), **told), config.LayerConfigScope(enable_ebops=False):
            first = layers.QDense(12, activation="relu")
            perceptron = keras.Sequential([keras.layers.Input((8,)), first, layers.QDense(5, enable_oq=True)])
            conv = layers.QConv2D(3, 3, padding="same", strides=2, activation="relu")
            convolution = keras.Sequential([keras.layers.Input((6, 6, 2)), conv, keras.layers.Flatten(), layers.QDense(4)])
        for model in (perceptron, convolution):
            random = np.random.default_rng(1)
            x = random.normal(0, 2, (samples, *model.input_shape[1:])).astype("float32")
            for _ in range(3):
                model(x, training=True)
            for bits in (one for one in model.variables if own and one.name in ("b", "i", "f")):
                bits.assign(bits + random.integers(-4, 2, bits.shape))
            wanted = np.asarray(keras.ops.convert_to_numpy(model(x)), np.float64)
            kinds = {type_of for layer in model.layers if hasattr(layer, "iq") for type_of in _kinds(keras, layer.iq.quantizer)}

            def imported(model: Any = model) -> Network:
                return from_hgq(model, Types())

            yield f"HGQ2, {x.ndim - 1} axes, {label}, {len(kinds)} types", imported, x.astype(np.float64), wanted


def _kinds(keras: Any, quantiser: Any) -> set[tuple[float, ...]]:
    """Return the different bits k, i, f of a quantiser's numbers."""
    parts = np.broadcast_arrays(*(keras.ops.convert_to_numpy(getattr(quantiser, part)) for part in "kif"))
    return set(zip(*(part.ravel().tolist() for part in parts), strict=True))


if __name__ == "__main__":
    main()
