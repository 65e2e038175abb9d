"""Import an ONNX graph into a fixed-point network, Quant nodes of QONNX included; channels go last."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.imports import INPUT, Builder, Types, padding, rows_channels_last, type_of_all
from ngtbench.kernels.fpga.imports_onnx_graph import Graph, attributes, named
from ngtbench.kernels.fpga.network import Network
from ngtbench.kernels.fpga.varied import joined
from ngtbench.physics.fpga.fixed_point import Fixed, Rounding, quantise, values

_MALFORMED = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)  # of a node that lacks what it should have
_SAME = ("Identity", "Dropout")
_FUNCTIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax"}
_ROUNDINGS: dict[str, Rounding] = {"ROUND": "RND_CONV", "FLOOR": "TRN", "ROUND_TO_ZERO": "TRN_ZERO"}


def from_onnx(file: Path, types: Types) -> Network:
    """Return the network of a feed-forward graph with one input (batch, features) or (batch, channels, places..).

    Quant nodes (domains of QONNX and FINN) of scale 2^k and zero point 0 give types; `types` those of the rest.
    Raises BadInput naming the node that has no import.
    """
    try:
        graph = onnx.load(str(file)).graph
        constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    except Exception as error:  # protobuf's errors are of a package that onnx does not promise
        raise BadInput(f"{file}: no ONNX file ({error})") from error
    given = [one for one in graph.input if one.name not in constants]
    if len(given) != 1 or len(graph.output) != 1:
        raise BadInput(f"{file}: {len(given)} inputs and {len(graph.output)} outputs: give a graph of one each")
    shape = tuple(int(axis.dim_value) for axis in given[0].type.tensor_type.shape.dim[1:])
    try:
        builder = Builder((*shape[1:], *shape[:1]), types)
    except BadInput as error:
        raise BadInput(f"{file}: no fixed shape behind the batch: {error}") from error
    state = Graph(builder, constants, layer={given[0].name: INPUT})
    for node in graph.node:
        _taken(state, node, file)
    if not state.builder.layers or state.layer.get(graph.output[0].name) != state.builder.layers[-1].name:
        raise BadInput(f"{file}: its output {graph.output[0].name!r} is not what the last node makes")
    return state.builder.network()


def _taken(state: Graph, node: Any, file: Path) -> None:
    """Import a node; what is wrong with it is said with its name."""
    where = f"{file}: node {named(node)!r} ({node.op_type})"
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused with its layer
            _STEPS.get(node.op_type, _unknown)(state, node)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error
    except _MALFORMED as error:
        raise BadInput(f"{where}: its inputs or attributes are not those of such a node ({error})") from error


def _unknown(state: Graph, node: Any) -> None:
    raise BadInput(f"no import of {node.op_type}: it knows {', '.join(sorted(_STEPS))}")


def _quant(state: Graph, node: Any) -> None:
    """Read a Quant node: of a constant it gives numbers and a type, of a tensor the type of what made it."""
    told, (scale, zero, bits) = attributes(node), (state.array(node, place) for place in (1, 2, 3))
    exponent = np.log2(scale)
    if np.any(zero != 0) or np.any(exponent != np.rint(exponent)) or bits.size != 1:
        raise BadInput("give a scale that is a power of two, and a zero point of 0")
    mode = bytes(told.get("rounding_mode", b"ROUND")).decode().upper()
    if mode not in _ROUNDINGS:
        raise BadInput(f"rounding mode {mode}: give one of {', '.join(_ROUNDINGS)}")
    signed, wide = bool(told.get("signed", 1)), int(bits.item())
    overflow: Any = "SAT_SYM" if told.get("narrow", 0) and signed else "SAT"
    each = [Fixed(signed, wide, wide + int(one), _ROUNDINGS[mode], overflow) for one in exponent.ravel()]
    source, target = node.input[0], node.output[0]
    if source in state.constants:
        array = state.array(node, 0)
        which = (
            np.broadcast_to(np.arange(len(each)).reshape(scale.shape), array.shape) if scale.size > 1 else np.zeros(array.shape)
        )
        made = [values(quantise(array, one), one) for one in each]
        state.constants[target] = np.select([which == k for k in range(len(each))], made)
        state.typed[target] = joined(*each)
        return
    state.passed(node)
    before, types = state.before(node), np.empty(len(each), object)
    types[:] = each
    shape, unfolded = state.builder.shape_of(before), state.unfolded.get(source, ())
    to = type_of_all(named(node), types.reshape(scale.shape), shape, unfolded)
    state.layer[target] = state.builder.quantise(before, to)


def _dense(state: Graph, node: Any) -> None:
    """Read Gemm and MatMul; an Add of a constant behind a MatMul becomes its bias."""
    told, before = attributes(node), state.before(node)
    if told.get("alpha", 1.0) != 1 or told.get("beta", 1.0) != 1 or told.get("transA", 0):
        raise BadInput("alpha, beta or transA: give a plain product")
    kernel = state.array(node, 1)
    kernel = rows_channels_last(kernel.T if told.get("transB", 0) else kernel, state.unfolded.get(node.input[0], ()))
    arrays, names = {"kernel": kernel}, [node.input[1]]
    if len(node.input) > 2:
        arrays["bias"] = np.broadcast_to(state.array(node, 2), kernel.shape[1:])
        names.append(node.input[2])
    state.layer[node.output[0]] = state.builder.add("dense", named(node), (before,), arrays, state.weight(node, *names))


def _add(state: Graph, node: Any) -> None:
    constant = next((place for place in (0, 1) if node.input[place] in state.constants), None)
    if constant is None:
        state.layer[node.output[0]] = state.builder.add("add", named(node), (state.before(node), state.before(node, 1)))
        return
    before, array = state.before(node, 1 - constant), state.array(node, constant).ravel()
    layer = state.builder.layers[-1] if state.builder.layers else None
    if (
        layer is None
        or layer.name != before
        or layer.kind != "dense"
        or "bias" in layer.arrays
        or layer.name in state.builder.told
    ):
        raise BadInput("a constant is added to no product: only a MatMul takes a bias")
    state.builder.layers.pop()
    assert layer.weight is not None
    weight = joined(layer.weight, state.weight(node, node.input[constant]))
    arrays = {**layer.arrays, "bias": np.broadcast_to(array, layer.arrays["kernel"].shape[1:])}
    state.layer[node.output[0]] = state.builder.add("dense", layer.name, layer.inputs, arrays, weight)


def _convolution(state: Graph, node: Any) -> None:
    told, before, name = attributes(node), state.before(node), named(node)
    kernel = state.array(node, 1)
    kernel = kernel.transpose(*range(2, kernel.ndim), 1, 0)
    strides, window = set(told.get("strides", [1])), kernel.shape[:-2]
    if told.get("group", 1) != 1 or set(told.get("dilations", [1])) != {1} or len(strides) != 1 or len(window) > 2:
        raise BadInput("groups, dilations, strides that differ, or three axes have no import")
    ends, stride = _ends(told, len(window)), int(strides.pop())
    found = "same" if ends is None else padding(name, state.builder.shape_of(before)[:-1], window, stride, *ends)
    arrays, kind = {"kernel": kernel, **({"bias": state.array(node, 2)} if len(node.input) > 2 else {})}, f"conv{len(window)}d"
    weight = state.weight(node, *node.input[1:])
    state.layer[node.output[0]] = state.builder.add(kind, name, (before,), arrays, weight, stride=stride, padding=found)


def _ends(told: Mapping[str, Any], axes: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the zeros in front and behind; None for SAME_UPPER, which is that of networks."""
    auto = bytes(told.get("auto_pad", b"NOTSET")).decode()
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        if auto == "SAME_LOWER":
            raise BadInput("auto_pad SAME_LOWER: give SAME_UPPER")
        return None
    pads = tuple(told.get("pads", (0,) * (2 * axes)))
    return pads[:axes], pads[axes:]


def _batchnorm(state: Graph, node: Any) -> None:
    gain, bias, mean, variance = (state.array(node, place) for place in (1, 2, 3, 4))
    scale = gain / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
    unfolded = state.unfolded.get(node.input[0], ())
    arrays = {"scale": rows_channels_last(scale, unfolded), "shift": rows_channels_last(bias - mean * scale, unfolded)}
    weight = state.builder.types.of_weights(named(node))
    state.passed(node)
    state.layer[node.output[0]] = state.builder.add("batchnorm", named(node), (state.before(node),), arrays, weight)


def _activation(state: Graph, node: Any) -> None:
    name = state.builder.add("activation", named(node), (state.before(node),), function=_FUNCTIONS[node.op_type])
    state.passed(node)
    state.layer[node.output[0]] = name


def _pool(state: Graph, node: Any) -> None:
    told, before, name = attributes(node), state.before(node), named(node)
    sizes, strides = set(told["kernel_shape"]), set(told.get("strides", [1]))
    ends = _ends(told, len(told["kernel_shape"]))
    if len(sizes) != 1 or len(strides) != 1 or ends is None or any(map(any, ends)) or told.get("ceil_mode", 0):
        raise BadInput("windows or strides that differ, or zeros at the ends: give it none")
    of, size, stride = {"MaxPool": "max", "AveragePool": "average"}[node.op_type], int(sizes.pop()), int(strides.pop())
    state.layer[node.output[0]] = state.builder.add("pool", name, (before,), of=of, size=size, stride=stride)


def _flatten(state: Graph, node: Any) -> None:
    """Read Flatten, and a Reshape to two axes."""
    before = state.before(node)
    shape = state.builder.shape_of(before)
    if node.op_type == "Reshape" and len(state.array(node, 1)) != 2:
        raise BadInput("only to (batch, features)")
    state.passed(node)
    if len(shape) > 1:
        state.unfolded[node.output[0]] = shape
        state.layer[node.output[0]] = state.builder.add("flatten", named(node), (before,))


def _transpose(state: Graph, node: Any) -> None:
    state.constants[node.output[0]] = state.array(node, 0).transpose(attributes(node).get("perm"))
    if node.input[0] in state.typed:
        state.typed[node.output[0]] = state.typed[node.input[0]]


def _constant(state: Graph, node: Any) -> None:
    state.constants[node.output[0]] = numpy_helper.to_array(attributes(node)["value"])


_STEPS: Mapping[str, Callable[[Graph, Any], None]] = {
    "Quant": _quant,
    "Gemm": _dense,
    "MatMul": _dense,
    "Add": _add,
    "Conv": _convolution,
    "BatchNormalization": _batchnorm,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "Flatten": _flatten,
    "Reshape": _flatten,
    "Constant": _constant,
    "Transpose": _transpose,
    **dict.fromkeys(_FUNCTIONS, _activation),
    **dict.fromkeys(_SAME, Graph.passed),
}
