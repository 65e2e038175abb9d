"""Networks in files: JSON for layers and types, weights inside or in a .npz beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.network import Layer, Network
from ngtbench.kernels.fpga.varied import Varied, varied
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, parse

SCHEMA = "ngtbench.network/1"
_KEYS = {"name", "kind", "inputs", "weight_type", "total_type", "result_type", "arrays", "options"}
NONE = "0"  # the type of a number that is always zero
_BUILD = {"style": "latency", "reuse_factor": 1, "multiplier": "dsp"}


def read(path: Path) -> Network:
    """Read a network; `docs/fpga.md` describes the file.

    Raises BadInput naming file, layer and key.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise BadInput(f"{path}: no JSON file of a network ({error})") from error
    try:
        network = from_plain(plain, _stored(path, plain))
        network.shapes()
        return network
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def write(network: Network, path: Path) -> None:
    """Write the JSON file and, beside it, its weights as .npz of the same name."""
    weights, arrays = path.with_suffix(".npz"), dict[str, Any]()
    layers = [_layer_plain(layer, arrays) for layer in network.layers]
    given = {"shape": list(network.shape), "type": _types_plain(network.type, "input/type", arrays)}
    plain = {"schema": SCHEMA, "input": given, "weights": weights.name, "layers": layers}
    path.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
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
    return Network(tuple(given["shape"]), _types(given.get("type"), "input: type", stored), tuple(layers))


def _layer(one: Any, place: int, before: str, stored: Mapping[str, Array]) -> Layer:
    name = str(one.get("name", f"layer{place + 1}")) if isinstance(one, dict) else ""
    if not name or "kind" not in one:
        raise BadInput(f"layers[{place}]: give an object with a kind")
    where = f"layer {name!r}"
    for key in set(one) - _KEYS - set(_BUILD):
        raise BadInput(f"{where}: no key {key!r}: it has {', '.join(sorted(_KEYS | set(_BUILD)))}")
    arrays = {of: _array(value, f"{where}: {of}", stored) for of, value in _object(one, "arrays", where).items()}
    types = {key: _type(one[key], f"{where}: {key}") if key in one else None for key in ("weight_type", "total_type")}
    return Layer(
        name=name,
        kind=one["kind"],
        inputs=_inputs(one.get("inputs", [before]), where),
        result=_types(one.get("result_type"), f"{where}: result_type", stored),
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


def _layer_plain(layer: Layer, arrays: dict[str, Any]) -> dict[str, Any]:
    """Return a layer as JSON has it, its arrays and types put with those of the .npz file."""
    plain: dict[str, Any] = {"name": layer.name, "kind": layer.kind, "inputs": list(layer.inputs)}
    for key, of in (("weight_type", layer.weight), ("total_type", layer.total)):
        if of is not None:
            plain[key] = str(of)
    plain["result_type"] = _types_plain(layer.result, f"{layer.name}/result_type", arrays)
    for key, default in _BUILD.items():
        if getattr(layer, key) != default:
            plain[key] = getattr(layer, key)
    if layer.arrays:
        plain["arrays"] = {name: f"{layer.name}/{name}" for name in layer.arrays}
        arrays |= {f"{layer.name}/{name}": array for name, array in layer.arrays.items()}
    if layer.options:
        plain["options"] = dict(layer.options)
    return plain


def _object(one: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = one.get(key, {})
    if not isinstance(value, dict):
        raise BadInput(f"{where}: {key}: give an object")
    return value


def _type(text: Any, where: str) -> Fixed:
    try:
        return parse(str(text))
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error


def _types(value: Any, where: str, stored: Mapping[str, Array]) -> Fixed:
    """Return a type, or that of nested lists of them, or of the stored array of that name."""
    if isinstance(value, str) and value in stored:
        texts = stored[value]
    elif isinstance(value, list):
        try:
            texts = np.array(value)
        except ValueError as error:
            raise BadInput(f"{where}: lists of different lengths: give types of the tensor's last axes") from error
    else:
        return _type(value, where)
    if texts.dtype.kind != "U" or texts.size == 0:
        raise BadInput(f"{where}: give texts as ap_fixed<8,2>, or {NONE} for a number that is always zero")
    known = {str(text): None if text == NONE else _type(text, where) for text in np.unique(texts)}
    try:
        return varied(np.array([known[text] for text in texts.ravel().tolist()], object).reshape(texts.shape))
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error


def _types_plain(of: Fixed, name: str, arrays: dict[str, Any]) -> str:
    """Return a type as text, or the name of the array of types that is put with the others."""
    if not isinstance(of, Varied):
        return str(of)
    arrays[name] = np.array([NONE if one is None else str(one) for one in of.each]).reshape(of.shape)
    return name


def _array(value: Any, where: str, stored: Mapping[str, Array]) -> Array:
    """Return nested lists of numbers, or the stored array of that name, as float64."""
    if isinstance(value, str) and value not in stored:
        raise BadInput(f"{where}: no array {value!r} in the weights file; it has {', '.join(stored) or 'none'}")
    found = stored[value] if isinstance(value, str) else value
    try:
        if np.asarray(found).dtype.kind not in "biuf":
            raise ValueError(f"of type {np.asarray(found).dtype}")
        return np.array(found, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"{where}: give nested lists of real numbers, or the name of such an array ({error})") from error


def _stored(path: Path, plain: Any) -> dict[str, Array]:
    """Return the arrays of the .npz file that a network names."""
    name = plain.get("weights") if isinstance(plain, dict) else None
    if name is None:
        return {}
    file = path.parent / str(name)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {key: np.asarray(arrays[key]) for key in arrays.files}
    except Exception as error:  # of broken archives NumPy and zipfile promise no set of errors
        raise BadInput(f"{file}: no .npz file of weights ({error})") from error
