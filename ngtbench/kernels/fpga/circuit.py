"""A network as an adder graph in Verilog, by da4ml or its successor alkaid: the circuit that estimates are held against."""

import importlib
import importlib.util
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ngtbench.errors import BadInput, Unavailable
from ngtbench.kernels.fpga.inference_layers import Place, windows
from ngtbench.kernels.fpga.inference_numpy import NumpyEngine
from ngtbench.kernels.fpga.inference_rounding import most
from ngtbench.kernels.fpga.inference_tables import looked_up, table_type
from ngtbench.kernels.fpga.network import Layer, Network
from ngtbench.kernels.fpga.synthesis import Design
from ngtbench.kernels.fpga.varied import every, quantise_each
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, values

COMPILERS = ("da4ml", "alkaid")
REMEDY = "pip install 'ngtbench[fpga]'"
_OVERFLOWS = ("WRAP", "SAT", "SAT_SYM")
_ATTRIBUTE = re.compile(r"\(\* rom_style = .*?\*\)")  # an expression, which Icarus Verilog does not take there
_WIDEST_WEIGHT = 24  # bits: the compilers take kernels as float32


@dataclass(frozen=True)
class Circuit:
    """A design, the compiler that made it, what that says it costs in LUT, and the bits of its registers."""

    design: Design
    compiler: str
    cost: float
    register_bits: int


def compiler(name: str | None = None) -> str:
    """Return the compiler of that name, or the first one that is installed.

    Raises Unavailable where there is none, BadInput for another name.
    """
    if name is not None and name not in COMPILERS:
        raise BadInput(f"no adder-graph compiler {name!r}: give one of {', '.join(COMPILERS)}")
    found = next((one for one in COMPILERS if name in (None, one) and importlib.util.find_spec(one)), None)
    if found is None:
        raise Unavailable(f"{name or ' or '.join(COMPILERS)} is not installed", f"pip install {name}" if name else REMEDY)
    return found


def circuit(network: Network, *, stage_depth: int = 0, name: str | None = None) -> Circuit:
    """Compile a network: combinational, or with a register after so many adders one after the other.

    Raises Unavailable without a compiler, BadInput naming a layer that has no such circuit.
    """
    chosen = compiler(name)
    trace = importlib.import_module(f"{chosen}.trace")
    arrays, traced = (trace.FixedVariableArray, trace.comb_trace) if chosen == "da4ml" else (trace.FVArray, trace.trace)
    shapes = network.shapes()
    x = arrays.from_kif(*_kif(network.type, network.shape), hwconf=trace.HWConfig(1, -1, -1))
    made: dict[str, Any] = {"input": x}
    for layer in network.layers:
        made[layer.name] = _quantised(layer, _traced(layer, network, shapes, [made[name] for name in layer.inputs]))
    logic = traced(x, made[network.layers[-1].name])
    with tempfile.TemporaryDirectory(prefix="ngtbench-") as folder:
        sources, register_bits, cycles = _written(chosen, logic, stage_depth, Path(folder))
    given, (signs, wholes, fractions) = np.array(logic.inp_kifs, int), np.array(logic.out_kifs, int)
    design = Design(
        sources=sources,
        input_bits=tuple(given.sum(axis=0).tolist()),
        input_fraction=tuple(given[2].tolist()),
        output_bits=tuple((signs + wholes + fractions).tolist()),
        output_signed=tuple(signs.astype(bool).tolist()),
        output_fraction=tuple(fractions.tolist()),
        cycles=cycles,
    )
    return Circuit(design, chosen, float(logic.cost), register_bits)


def _kif(of: Fixed, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Return sign bits, bits before the point without them, bits behind it, of each number, as the compilers count."""
    sign, whole, fraction = (lambda one: int(one.signed)), (lambda one: one.integer - one.signed), (lambda one: one.fraction)
    return every(of, shape, sign), every(of, shape, whole), every(of, shape, fraction)


def _traced(layer: Layer, network: Network, shapes: Mapping[str, tuple[int, ...]], given: list[Any]) -> Any:
    """Return what a layer computes of symbolic arrays, before it becomes the layer's result."""
    x, place = given[0], Place(NumpyEngine(), layer, network.types(layer), shapes[layer.inputs[0]])
    match layer.kind:
        case "dense":
            return _affine(place, x)
        case "conv1d" | "conv2d":
            window, same = layer.arrays["kernel"].shape[:-2], layer.option("padding") == "same"
            at, inside, moved = windows(place.shape[:-1], window, layer.option("stride"), same)
            taken = x.reshape((-1, place.shape[-1]))[at] * inside[:, :, None].astype(int)
            return _affine(place, taken.reshape((len(at), -1))).reshape((*moved, -1))
        case "pool":
            return _pooled(place, x)
        case "add":
            return x + given[1]
        case "batchnorm":
            scale, shift = (values(layer.integers(name), place.weight) for name in ("scale", "shift"))
            return x * scale + shift
        case "flatten":
            return x.reshape((-1,))
        case "activation" if layer.option("function") == "relu":
            return x.relu()
        case "activation" if layer.option("function") in ("sigmoid", "tanh"):
            return _looked_up(place, x)
    raise _none(layer, f"{layer.kind} {layer.options.get('function', '')}".rstrip())


def _affine(place: Place, x: Any) -> Any:
    affine = place.affine()
    if not affine.kept(place.layer.total):
        raise _none(place.layer, f"an accumulator {place.layer.total} that rounds or overflows between two products")
    if max(int(np.abs(array).max(initial=0)).bit_length() for array in (affine.kernel, affine.bias)) > _WIDEST_WEIGHT:
        raise _none(place.layer, f"weights of more than {_WIDEST_WEIGHT} bits")
    return x @ values(affine.kernel, place.weight) + values(affine.bias, place.weight)


def _pooled(place: Place, x: Any) -> Any:
    size = (place.layer.option("size"),) * (len(place.shape) - 1)
    at, _, moved = windows(place.shape[:-1], size, place.layer.option("stride"), False)
    taken, count = x.reshape((-1, place.shape[-1]))[at], at.shape[1]
    if place.layer.option("of") == "max":
        return np.max(taken, axis=1).reshape((*moved, -1))
    if count & (count - 1):
        raise _none(place.layer, f"a mean of {count}, which is no power of two")
    return (np.sum(taken, axis=1) * (1 / count)).reshape((*moved, -1))


def _looked_up(place: Place, x: Any) -> Any:
    """Return the entries of a table, of which the compiler makes logic or memory."""
    layer, (x_type,), kept = place.layer, place.types, table_type(place.layer)
    found = looked_up(place.engine, layer, layer.option("function"), x_type.fraction, most(x_type))
    k, i, f = _kif(kept, x.shape)
    return x.apply(lambda at: values(found(np.rint(np.ldexp(at, x_type.fraction)).astype(np.int64)), kept)).quantize(k, i, f)


def _quantised(layer: Layer, x: Any) -> Any:
    """Bring symbolic numbers into a layer's result; the compilers know two roundings and three overflows."""
    to, (sign, whole, fraction) = layer.result, (np.array(part) for part in x.kif)
    k, i, f = _kif(to, x.shape)
    rounding = "TRN" if np.all(fraction <= f) else to.rounding
    inside = np.all(whole <= i) and np.all(sign <= k) and rounding == "TRN"  # rounding up may leave the type
    overflow = "WRAP" if inside and to.overflow != "SAT_SYM" else to.overflow
    if rounding not in ("TRN", "RND") or overflow == "SAT_ZERO":
        raise _none(layer, f"a result {to}: there are roundings TRN and RND, overflows {', '.join(_OVERFLOWS)}")
    low, high, _ = x.lhs
    fixed = low == high  # constants, which the compilers wrap otherwise
    if overflow == "WRAP" and np.any((k == 0) & (i + f > 0) & (low < 0) & (i > whole + 1) & ~fixed):  # and these too
        raise _none(layer, f"a result {to} that wraps numbers just below zero to unsigned ones of more bits")
    made = x.quantize(*(part * ~fixed for part in (k, i, f)), overflow_mode=overflow, round_mode=rounding)
    return made + values(quantise_each(np.where(fixed, low, 0.0)[None], to)[0], to)


def _none(layer: Layer, what: str) -> BadInput:
    return BadInput(f"layer {layer.name!r} ({layer.kind}): no adder graph has {what}")


def _written(chosen: str, logic: Any, stage_depth: int, folder: Path) -> tuple[dict[str, str], int, int]:
    """Return the Verilog and its tables, the bits of its registers, and the edges between input and output."""
    models = importlib.import_module(f"{chosen}.codegen")
    place = (logic, "net", folder) if chosen == "da4ml" else (logic, folder, "net")
    models.RTLModel(*place, latency_cutoff=stage_depth if stage_depth > 0 else -1, print_latency=False).write()
    said = json.loads((folder / "metadata.json").read_text())
    tables = sorted((folder / "src").glob("memfiles/*"))
    files = [*tables, *sorted((folder / "src").glob("*.v")), *sorted((folder / "src/static").glob("*.v"))]
    kept = [file for file in files if not file.stem.endswith("_wrapper") and (tables or file.stem != "lookup_table")]
    registered = stage_depth > 0
    cycles = int(said["latency"]) + 1 if registered else 0  # stages have registers in front and behind
    texts = {file.name: _ATTRIBUTE.sub("", file.read_text()) for file in kept}
    return texts, int(said.get("reg_bits", 0)) if registered else 0, cycles
