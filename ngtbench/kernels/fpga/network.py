"""A quantised network as estimates, inference and circuits share it: layers with weights, types and a way to build each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.varied import shape_of
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, quantise

Kind = Literal["dense", "conv1d", "conv2d", "gru", "lstm", "pool", "add", "batchnorm", "activation", "flatten"]
Style = Literal["latency", "resource", "da"]
Multiplier = Literal["dsp", "lut"]
Shape = tuple[int, ...]
ARRAYS: Mapping[str, Mapping[str, int]] = {  # kind -> array -> axes; those that may be missing are in MAYBE
    "dense": {"kernel": 2, "bias": 1},  # (in, out)
    "conv1d": {"kernel": 3, "bias": 1},  # (width, channels, filters)
    "conv2d": {"kernel": 4, "bias": 1},  # (height, width, channels, filters)
    "gru": {"kernel": 2, "recurrent": 2, "bias": 1, "recurrent_bias": 1},  # gates update, reset, new; reset after the product
    "lstm": {"kernel": 2, "recurrent": 2, "bias": 1},  # gates input, forget, cell, output
    "batchnorm": {"scale": 1, "shift": 1},
}
MAYBE = ("bias", "recurrent_bias")
OPTIONS: Mapping[str, Mapping[str, Any]] = {  # kind -> option -> default
    "dense": {"streamed": False},  # one position after the other through one circuit, where the input has more than one axis
    "conv1d": {"streamed": True, "stride": 1, "padding": "valid"},
    "conv2d": {"streamed": True, "stride": 1, "padding": "valid"},
    "gru": {"static": True, "sequence": False, "table_size": 1024, "table_type": "ap_fixed<18,8>"},
    "lstm": {"static": True, "sequence": False, "table_size": 1024, "table_type": "ap_fixed<18,8>"},
    "pool": {"of": "max", "size": 2, "stride": 2},
    "activation": {"function": "relu", "table_size": 1024, "table_type": "ap_fixed<18,8>"},
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "padding": ("valid", "same"),
    "of": ("max", "average"),
    "function": ("relu", "sigmoid", "tanh", "softmax"),
}
GATES = {"gru": 3, "lstm": 4}
MOST_NUMBERS = 1 << 26  # of a tensor: more than any part computes, and what memory holds
MOST_AXES = 8
MOST_OPTION = 1 << 20  # entries of a table, positions of a window


@dataclass(frozen=True)
class Layer:
    """One step: channels last, arrays as ARRAYS says, options as OPTIONS; `inputs` name layers, or "input".

    `result` is the type of the outputs, or has one for each (`Varied`); `weight` is that of all arrays, `total` that of the
    accumulator: None is exact.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    result: Fixed
    weight: Fixed | None = None
    total: Fixed | None = None
    arrays: Mapping[str, Array] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    style: Style = "latency"
    reuse_factor: int = 1
    multiplier: Multiplier = "dsp"

    def __post_init__(self) -> None:
        _check(self)

    def option(self, name: str) -> Any:
        """Return an option, or its default."""
        return self.options.get(name, OPTIONS[self.kind][name])

    def integers(self, name: str) -> Array:
        """Return an array's int64 numbers k of the values k 2^-fraction in the weights' type."""
        if self.weight is None:
            raise BadInput(f"layer {self.name!r} ({self.kind}) has no weights")
        return quantise(self.arrays[name], self.weight)


@dataclass(frozen=True)
class Network:
    """Layers in the order of computation; the last one's result is the network's."""

    shape: Shape
    type: Fixed
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        known = {"input"}
        for layer in self.layers:
            missing = [name for name in layer.inputs if name not in known]
            if missing:
                raise _bad(layer, f"takes {missing[0]!r}, which is no layer before it")
            if layer.name in known:
                raise _bad(layer, "its name is taken: give every layer another")
            known.add(layer.name)
        if not self.layers:
            raise BadInput("a network of 0 layers: give one or more")
        check_input(self.shape)

    def types(self, layer: Layer) -> tuple[Fixed, ...]:
        """Return the types of a layer's inputs."""
        results = {"input": self.type, **{other.name: other.result for other in self.layers}}
        return tuple(results[name] for name in layer.inputs)

    def shapes(self) -> dict[str, Shape]:
        """Return the shape of the input and of every layer's result.

        Raises BadInput naming the layer whose input does not fit.
        """
        shapes = {"input": self.shape}
        if not _ends_with(self.shape, self.type):
            raise BadInput(f"input: types of shape {list(shape_of(self.type))} for {list(self.shape)}: give its last axes")
        for layer in self.layers:
            shapes[layer.name] = _shape(layer, [shapes[name] for name in layer.inputs])
            if math.prod(shapes[layer.name]) > MOST_NUMBERS:
                raise _bad(layer, f"a result of shape {list(shapes[layer.name])}: more than {MOST_NUMBERS} numbers")
            held = shapes[layer.name][-1:] if layer.kind in GATES else shapes[layer.name]  # a state has no steps
            if not _ends_with(held, layer.result):
                raise _bad(layer, f"result types of shape {list(shape_of(layer.result))} for {list(held)}: give its last axes")
        return shapes


def check_input(shape: Shape) -> None:
    """Raise BadInput for a shape that no input can have."""
    if not 1 <= len(shape) <= MOST_AXES or min(shape) < 1 or math.prod(shape) > MOST_NUMBERS:
        raise BadInput(f"input: shape {list(shape)}: give 1 to {MOST_AXES} axes, from 1 to {MOST_NUMBERS} numbers")


def _ends_with(shape: Shape, of: Fixed) -> bool:
    last = shape_of(of)
    return not last or shape[-len(last) :] == last


def _bad(layer: Layer, text: str) -> BadInput:
    return BadInput(f"layer {layer.name!r} ({layer.kind}): {text}")


def _check(layer: Layer) -> None:
    """Raise BadInput for what no layer of this kind can be."""
    for what, value, known in (
        ("kind", layer.kind, get_args(Kind)),
        ("style", layer.style, get_args(Style)),
        ("multiplier", layer.multiplier, get_args(Multiplier)),
    ):
        if value not in known:
            raise _bad(layer, f"{what} {value!r}: give one of {', '.join(known)}")
    if isinstance(layer.reuse_factor, bool) or not isinstance(layer.reuse_factor, int) or layer.reuse_factor < 1:
        raise _bad(layer, f"reuse factor {layer.reuse_factor!r}: give a whole number from 1")
    wants = 2 if layer.kind == "add" else 1
    if len(layer.inputs) != wants:
        raise _bad(layer, f"takes {len(layer.inputs)} inputs: give {wants}")
    _check_options(layer)
    _check_arrays(layer)


def _check_options(layer: Layer) -> None:
    known = OPTIONS.get(layer.kind, {})
    for name, value in layer.options.items():
        if name not in known:
            raise _bad(layer, f"no option {name!r}: it has {', '.join(known) or 'none'}")
        if type(value) is not type(known[name]) or (isinstance(value, int) and value < (not isinstance(value, bool))):
            raise _bad(layer, f"option {name} = {value!r}: give something as {known[name]!r}")
        if isinstance(value, int) and value > MOST_OPTION:
            raise _bad(layer, f"option {name} = {value}: give at most {MOST_OPTION}")
        if name in CHOICES and value not in CHOICES[name]:
            raise _bad(layer, f"option {name} = {value!r}: give one of {', '.join(CHOICES[name])}")


def _check_arrays(layer: Layer) -> None:
    wanted = ARRAYS.get(layer.kind, {})
    if wanted and layer.weight is None:
        raise _bad(layer, "has weights but no type for them: give weight_type")
    for name in set(wanted) - set(layer.arrays) - set(MAYBE):
        raise _bad(layer, f"its {name} is missing")
    for name, array in layer.arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            raise _bad(layer, f"{name} is no array of real numbers")
        if name not in wanted or array.ndim != wanted[name] or array.size == 0:
            fits = f"of {wanted[name]} axes" if name in wanted else f"; it has {', '.join(wanted) or 'none'}"
            raise _bad(layer, f"{name} of shape {list(array.shape)}: give one {fits}")
        if not np.all(np.isfinite(array)):
            raise _bad(layer, f"{name} has NaN or infinity at {[int(k) for k in np.argwhere(~np.isfinite(array))[0]]}")
    last = {name: array.shape[-1] for name, array in layer.arrays.items()}
    if len(set(last.values())) > 1:
        raise _bad(layer, f"last axes differ: {', '.join(f'{name} {size}' for name, size in last.items())}")


def _shape(layer: Layer, given: list[Shape]) -> Shape:
    """Return the shape of a layer's result."""
    shape, kind = given[0], layer.kind
    if kind == "add" and given[0] != given[1]:
        raise _bad(layer, f"adds shapes {list(given[0])} and {list(given[1])}: give equal ones")
    if kind in ("activation", "add"):
        return shape
    if kind == "flatten":
        return (math.prod(shape),)
    if kind == "pool":
        return (*(_steps(layer, size, layer.option("size"), layer.option("stride")) for size in shape[:-1]), shape[-1])
    array = layer.arrays["scale" if kind == "batchnorm" else "kernel"]
    channels = array.shape[-1] if kind == "batchnorm" else array.shape[-2]
    if channels != shape[-1]:
        raise _bad(layer, f"takes {channels} features or channels, but is given shape {list(shape)}")
    if kind == "batchnorm":
        return shape
    if kind in GATES:
        return _recurrent(layer, shape)
    windows = array.shape[:-2]
    if windows and len(windows) != len(shape) - 1:
        raise _bad(layer, f"takes {len(windows)} axes and channels, but is given shape {list(shape)}")
    if not windows:
        return (*shape[:-1], array.shape[-1])
    stride, same = layer.option("stride"), layer.option("padding") == "same"
    moved = (-(-size // stride) if same else _steps(layer, size, w, stride) for size, w in zip(shape, windows, strict=False))
    return (*moved, array.shape[-1])


def _steps(layer: Layer, size: int, window: int, stride: int) -> int:
    if window > size:
        raise _bad(layer, f"a window of {window} on {size} positions")
    return (size - window) // stride + 1


def _recurrent(layer: Layer, shape: Shape) -> Shape:
    gates, (units, wide) = GATES[layer.kind], layer.arrays["recurrent"].shape
    if len(shape) != 2 or wide != gates * units:
        raise _bad(
            layer, f"recurrent of shape {[units, wide]} on {list(shape)}: give (units, {gates} units) and (steps, features)"
        )
    return (shape[0], units) if layer.option("sequence") else (units,)
