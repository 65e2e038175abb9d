"""Networks in files: JSON for layers and types, weights inside or in a .npz beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.network import Layer, Network
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, parse

SCHEMA = "ngtbench.network/1"
_KEYS = {"name", "kind", "inputs", "weight_type", "total_type", "result_type", "arrays", "options"}
_BUILD = {"style": "latency", "reuse_factor": 1, "multiplier": "dsp"}


def read(path: Path) -> Network:
    """Read a network; `docs/fpga.md` describes the file.

    Raises BadInput naming file, layer and key.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: no JSON file of a network ({error})") from error
    try:
        return from_plain(plain, _stored(path, plain))
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def write(network: Network, path: Path) -> None:
    """Write the JSON file and, beside it, its weights as .npz of the same name."""
    weights = path.with_suffix(".npz")
    layers = [_layer_plain(layer) for layer in network.layers]
    plain = {"schema": SCHEMA, "input": {"shape": list(network.shape), "type": str(network.type)}}
    path.write_text(json.dumps({**plain, "weights": weights.name, "layers": layers}, indent=1) + "\n", encoding="utf-8")
    arrays: dict[str, Any] = {f"{layer.name}/{name}": array for layer in network.layers for name, array in layer.arrays.items()}
    np.savez(weights, **arrays)


def from_plain(plain: Any, stored: Mapping[str, Array]) -> Network:
    """Return the network that a JSON value describes; `stored` are the arrays that it names."""
    if not isinstance(plain, dict) or plain.get("schema") != SCHEMA:
        raise BadInput(f'schema: give a JSON object with "schema": "{SCHEMA}"')
    given = plain.get("input")
    if not isinstance(given, dict) or not isinstance(given.get("shape"), list) or not isinstance(plain.get("layers"), list):
        raise BadInput('input, layers: give "input": {"shape": [16], "type": "ap_fixed<8,2>"} and "layers": [...]')
    if not all(type(size) is int for size in given["shape"]):
        raise BadInput(f"input: shape {given['shape']}: give whole numbers")
    layers, before = list[Layer](), "input"
    for place, one in enumerate(plain["layers"]):
        layers.append(_layer(one, place, before, stored))
        before = layers[-1].name
    return Network(tuple(given["shape"]), _type(given, "type", "input"), tuple(layers))


def _layer(one: Any, place: int, before: str, stored: Mapping[str, Array]) -> Layer:
    name = str(one.get("name", f"layer{place + 1}")) if isinstance(one, dict) else ""
    if not name or "kind" not in one:
        raise BadInput(f"layers[{place}]: give an object with a kind")
    where = f"layer {name!r}"
    for key in set(one) - _KEYS - set(_BUILD):
        raise BadInput(f"{where}: no key {key!r}: it has {', '.join(sorted(_KEYS | set(_BUILD)))}")
    arrays = {of: _array(value, f"{where}: {of}", stored) for of, value in _object(one, "arrays", where).items()}
    types = {key: _type(one, key, where) if key in one else None for key in ("weight_type", "total_type")}
    return Layer(
        name=name,
        kind=one["kind"],
        inputs=_inputs(one.get("inputs", [before]), where),
        result=_type(one, "result_type", where),
        weight=types["weight_type"],
        total=types["total_type"],
        arrays=arrays,
        options=_object(one, "options", where),
        **{key: one.get(key, value) for key, value in _BUILD.items()},
    )


def _inputs(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise BadInput(f"{where}: inputs: give a list of names of layers")
    return tuple(value)


def _layer_plain(layer: Layer) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": layer.name, "kind": layer.kind, "inputs": list(layer.inputs)}
    for key, of in (("weight_type", layer.weight), ("total_type", layer.total), ("result_type", layer.result)):
        if of is not None:
            plain[key] = str(of)
    for key, default in _BUILD.items():
        if getattr(layer, key) != default:
            plain[key] = getattr(layer, key)
    if layer.arrays:
        plain["arrays"] = {name: f"{layer.name}/{name}" for name in layer.arrays}
    if layer.options:
        plain["options"] = dict(layer.options)
    return plain


def _object(one: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = one.get(key, {})
    if not isinstance(value, dict):
        raise BadInput(f"{where}: {key}: give an object")
    return value


def _type(one: Mapping[str, Any], key: str, where: str) -> Fixed:
    try:
        return parse(str(one.get(key)))
    except BadInput as error:
        raise BadInput(f"{where}: {key}: {error}") from error


def _array(value: Any, where: str, stored: Mapping[str, Array]) -> Array:
    """Return nested lists of numbers, or the stored array of that name, as float64."""
    if isinstance(value, str):
        if value not in stored:
            raise BadInput(f"{where}: no array {value!r} in the weights file; it has {', '.join(stored) or 'none'}")
        return np.asarray(stored[value], np.float64)
    try:
        return np.array(value, np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{where}: give nested lists of numbers, or the name of an array in the weights file") from error


def _stored(path: Path, plain: Any) -> dict[str, Array]:
    """Return the arrays of the .npz file that a network names."""
    name = plain.get("weights") if isinstance(plain, dict) else None
    if name is None:
        return {}
    file = path.parent / str(name)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {key: np.asarray(arrays[key]) for key in arrays.files}
    except (OSError, ValueError, AttributeError) as error:
        raise BadInput(f"{file}: no .npz file of weights ({error})") from error
