"""Outputs of a run as the checks see them: arrays of the backend, or such an array in blocks of lanes."""

from typing import Any

import numpy as np

from ngtbench.model.workload import Array, Backend, Blocked


def holds(backend: Backend, output: Any) -> bool:
    """Tell whether all of an output is there: no promise that would be kept, and paid, later."""
    if not isinstance(output, Blocked):
        return backend.holds(output)
    arrays = [output.array] if output.scale is None else [output.array, output.scale]
    return all(backend.holds(array) and len(array.shape) == 4 for array in arrays) and _whole(output)


def poison(backend: Backend, output: Any) -> None:
    """Overwrite an output, so that what is left of it cannot pass a check."""
    for array in (output.array, output.scale) if isinstance(output, Blocked) else (output,):
        if array is not None:
            backend.poison(array)


def whole(backend: Backend, output: Any) -> Array:
    """Return all of an output on the host, in the order of the oracle."""
    if not isinstance(output, Blocked):
        return backend.get(output)
    host = backend.get(output.array)
    if output.scale is not None:
        host = host * backend.get(output.scale)
    ordered = np.full((host.shape[1], output.sites.size, host.shape[2]), np.nan, dtype=host.dtype)
    ordered[:, output.sites] = host.transpose(1, 0, 3, 2)
    return _numbers(ordered.reshape(-1), output.complex).reshape(output.shape)


def take(backend: Backend, output: Any, index: Array) -> Array:
    """Return the elements at these flat indices, in the order of the oracle."""
    if not isinstance(output, Blocked):
        return backend.take(output, index)
    parts = 2 if output.complex else 1
    reals = (index[..., None] * parts + np.arange(parts)).reshape(-1)
    _, sources, components, lanes = output.array.shape
    rest, component = np.divmod(reals, components)
    source, site = np.divmod(rest, output.sites.size)
    block, lane = np.divmod(output.places[site], lanes)
    found = backend.take(output.array, ((block * sources + source) * components + component) * lanes + lane)
    if output.scale is not None:
        found = found * backend.take(output.scale, (block * sources + source) * lanes + lane)
    return _numbers(found, output.complex).reshape(index.shape)


def _whole(output: Blocked) -> bool:
    """Tell whether the blocks hold every site of the shape once, in real numbers that complex ones can be made of."""
    scaled = output.scale is not None
    dtype = str((output.scale if scaled else output.array).dtype).rpartition(".")[2]  # torch says torch.float32
    if dtype not in ("float64", "float32") and (output.complex or scaled or dtype.startswith("complex")):
        return False
    if scaled and not str(output.array.dtype).endswith("int16"):
        return False
    blocks, sources, components, lanes = output.array.shape
    reals = int(np.prod(output.shape)) * (2 if output.complex else 1)
    if output.scale is not None and output.scale.shape != (blocks, sources, 1, lanes):
        return False
    if output.sites.shape != (blocks, lanes) or sources * output.sites.size * components != reals:
        return False
    return bool(np.all(output.sites.reshape(-1)[output.places] == np.arange(output.sites.size)))


def _numbers(reals: Array, pairs: bool) -> Array:
    if not pairs:
        return reals
    return np.ascontiguousarray(reals).view(np.complex64 if reals.dtype == np.float32 else np.complex128)
