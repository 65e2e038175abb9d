"""What all imports share: layers put one behind the other, types that hold every bit where nobody said another."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.inference_layers import Place
from ngtbench.kernels.fpga.inference_numpy import NumpyEngine
from ngtbench.kernels.fpga.inference_rounding import most
from ngtbench.kernels.fpga.inference_tables import table_type
from ngtbench.kernels.fpga.network import Kind, Layer, Network, Shape, check_input
from ngtbench.kernels.fpga.varied import joined, one_for_all, varied
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import MOST_BITS, Fixed

INPUT = "input"


@dataclass(frozen=True)
class Types:
    """Types of what a model does not say: inputs, weights, results; a result that nobody gives holds every bit."""

    given: Fixed | None = None
    weight: Fixed | None = None
    result: Fixed | None = None

    def of_weights(self, name: str) -> Fixed:
        """Return the weights' type; raise BadInput naming the layer where there is none."""
        if self.weight is None:
            raise BadInput(f"layer {name!r}: the model gives its weights no type: give one, as ap_fixed<8,1>")
        return self.weight


@dataclass
class Builder:
    """A network under construction; tensors go by the name of the layer that makes them."""

    shape: Shape
    types: Types
    given: Fixed | None = None
    layers: list[Layer] = field(default_factory=list)
    told: set[str] = field(default_factory=set)  # layers whose result the model gave

    def __post_init__(self) -> None:
        check_input(self.shape)
        self.given = self.types.given

    def add(
        self,
        kind: str,
        name: str,
        inputs: tuple[str, ...],
        arrays: Mapping[str, Array] | None = None,
        weight: Fixed | None = None,
        **options: Any,
    ) -> str:
        """Append a layer and return its name, made another where it is taken."""
        while name in {INPUT, *(layer.name for layer in self.layers)}:
            name += "_"
        wide = self.types.result or Fixed(True, MOST_BITS, MOST_BITS // 2)
        layer = Layer(name, cast(Kind, kind), inputs, wide, weight, arrays=dict(arrays or {}), options=options)
        self.layers.append(layer)
        if self.types.result is None:
            self.layers[-1] = replace(layer, result=_lossless(self.network(), layer))
        return name

    def quantise(self, name: str, to: Fixed) -> str:
        """Give a tensor its type and return its name: that of a layer more where it has another type, or was read, already."""
        if name == INPUT and self.given in (None, to) and not self.layers:
            self.given = to
            return name
        place = next((k for k, layer in enumerate(self.layers) if layer.name == name), None)
        read = any(name in layer.inputs for layer in self.layers)
        if place is None or read or name in self.told:
            if self.type_of(name) == to:
                return name
            flat = len(self.shape_of(name)) == 1  # either layer passes every number on
            name = (
                self.add("flatten", f"{name}_as", (name,)) if flat else self.add("pool", f"{name}_as", (name,), size=1, stride=1)
            )
            place = len(self.layers) - 1
        self.layers[place] = replace(self.layers[place], result=to)
        self.told.add(name)
        return name

    def type_of(self, name: str) -> Fixed | None:
        """Return the type of a tensor, None of an input that has none yet."""
        return self.given if name == INPUT else next(layer.result for layer in self.layers if layer.name == name)

    def network(self) -> Network:
        """Return what was built; raises BadInput without a type of the input."""
        if self.given is None:
            raise BadInput("the model gives its input no type: give one, as ap_fixed<8,4>")
        return Network(self.shape, self.given, tuple(self.layers))

    def shape_of(self, name: str) -> Shape:
        """Return the shape of a tensor."""
        return self.shape if name == INPUT else self.network().shapes()[name]


def type_of_all(name: str, types: Array, shape: Shape, unfolded: Shape | None = None) -> Fixed:
    """Return the type of a tensor of a shape from types as objects, of its numbers or those of a batch of one.

    Where `unfolded` is given, the types count channels first, and so do numbers of that shape that were flattened.
    Raises BadInput naming the layer where types do not fit the tensor.
    """
    first = unfolded is not None and len(shape) > 1
    told = (1, shape[-1], *shape[:-1]) if first else (1, *shape)
    try:
        each = np.broadcast_to(types, told)[0]
        return varied(np.moveaxis(each, 0, -1) if first else rows_channels_last(each, unfolded or ()))
    except ValueError as error:
        raise BadInput(f"layer {name!r}: types of shape {list(types.shape)} for a tensor of {list(shape)}") from error
    except BadInput as error:
        raise BadInput(f"layer {name!r}: {error}") from error


def _lossless(network: Network, layer: Layer) -> Fixed:
    """Return a type that holds every bit of a layer's result; of a mean, four bits more than its inputs behind the point."""
    types, shape = tuple(one_for_all(of) for of in network.types(layer)), network.shapes()[layer.inputs[0]]
    place = Place(NumpyEngine(), layer, types, shape)
    if layer.kind in ("dense", "conv1d", "conv2d"):
        affine = place.affine()
        return _reaching(affine.reach, affine.fraction)
    if layer.kind == "batchnorm":
        finer = max(0, types[0].fraction)
        scale, shift = (np.abs(layer.integers(name)).max() for name in ("scale", "shift"))
        far = (int(scale) * most(types[0]) << max(0, -types[0].fraction)) + (int(shift) << finer)
        return _reaching(far, place.weight.fraction + finer)
    if layer.kind == "add":
        wide = joined(*types)
        return replace(wide, bits=wide.bits + 1, integer=wide.integer + 1)
    if layer.kind == "pool" and layer.option("of") == "average":
        return replace(types[0], bits=types[0].bits + 4, rounding="RND_CONV", overflow="SAT")
    if layer.kind in ("gru", "lstm") or (layer.kind == "activation" and layer.option("function") in ("sigmoid", "tanh")):
        return table_type(layer)
    if layer.kind == "activation" and layer.option("function") == "softmax":
        return replace(table_type(layer), rounding="RND", overflow="SAT")
    return replace(types[0], rounding="TRN", overflow="WRAP")


def _reaching(reach: int, fraction: int) -> Fixed:
    bits = max(reach.bit_length() + 1, 2)
    return Fixed(True, bits, bits - fraction)


def rows_channels_last(weights: Array, shape: Shape) -> Array:
    """Return a kernel whose rows count (channel, place..) with rows that count (place.., channel), the shape of what is read."""
    if len(shape) < 2:
        return weights
    order = np.moveaxis(np.arange(len(weights)).reshape(shape[-1], *shape[:-1]), 0, -1).ravel()
    return weights[order]


def padding(name: str, sizes: Shape, window: Shape, stride: int, before: tuple[int, ...], after: tuple[int, ...]) -> str:
    """Return "valid" or "same" for explicit zeros at each end; raise BadInput where it is neither."""
    if not any(before) and not any(after):
        return "valid"
    steps = [-(-size // stride) for size in sizes]
    short = [max(0, (n - 1) * stride + wide - size) for n, wide, size in zip(steps, window, sizes, strict=True)]
    if before == tuple(one // 2 for one in short) and after == tuple(one - one // 2 for one in short):
        return "same"
    raise BadInput(f"layer {name!r}: zeros {before} before and {after} behind are neither 'valid' nor 'same' padding")
