"""Inputs of a problem: rounded once, digested, the same bits for every implementation and for the oracle."""

import hashlib
from collections.abc import Collection
from typing import Any

import numpy as np

from ngtbench.model.workload import Array, Backend, Inputs, Uniform
from ngtbench.physics import counter, rounding

_DIGESTED = 4096  # elements of a Uniform that enter the digest beside its definition


class Lazy:
    """A Uniform as the oracle's spot checks see it: indexed by flat indices, rounded, then widened."""

    def __init__(self, spec: Uniform, dtype: str) -> None:
        self._spec, self._dtype = spec, dtype

    def __getitem__(self, index: Array) -> Array:
        return rounding.widen(rounding.to_dtype(counter.at(self._spec, np.asarray(index)), self._dtype))


class Flat:
    """A host array indexed by flat indices and widened, as spot checks see it."""

    def __init__(self, values: Array) -> None:
        self._values = values.reshape(-1)

    def __getitem__(self, index: Array) -> Array:
        return rounding.widen(self._values[index])


class HostInputs:
    """The inputs of one problem at one seed, on the host or still to be made."""

    def __init__(self, declared: Inputs, dtype: str) -> None:
        self.dtype = dtype
        self._inputs: dict[str, Uniform | Array] = {
            name: value if isinstance(value, Uniform) else rounding.to_dtype(np.asarray(value), dtype)
            for name, value in declared.items()
        }
        self.digest = self._digest()

    def with_others(self, other: "HostInputs", names: Collection[str]) -> "HostInputs":
        """Return these inputs with the named ones of another seed."""
        return HostInputs({name: (other if name in names else self)._inputs[name] for name in self._inputs}, self.dtype)

    def on(self, backend: Backend, names: Collection[str] | None = None) -> dict[str, Any]:
        """Return fresh arrays on the backend's device, of all inputs or the named ones."""
        return {
            name: backend.uniform(value, self.dtype) if isinstance(value, Uniform) else backend.put(value, self.dtype)
            for name, value in self._inputs.items()
            if names is None or name in names
        }

    def wide(self) -> dict[str, Array]:
        """Return float64 copies for the oracle."""
        return {name: self._wide(value) for name, value in self._inputs.items()}

    def sampled(self) -> dict[str, Any]:
        """Return views for spot checks, indexed by flat indices."""
        return {
            name: Lazy(value, self.dtype) if isinstance(value, Uniform) else Flat(value) for name, value in self._inputs.items()
        }

    def _wide(self, value: Uniform | Array) -> Array:
        if isinstance(value, Uniform):
            return counter.uniform(value, lambda values: rounding.widen(rounding.to_dtype(values, self.dtype)))
        return rounding.widen(value)

    def _digest(self) -> str:
        text = hashlib.sha256()
        for name, value in sorted(self._inputs.items()):
            if isinstance(value, Uniform):
                count = int(np.prod(value.shape, dtype=np.int64))
                index = np.linspace(0, max(count - 1, 0), min(count, _DIGESTED), dtype=np.int64)
                bits = rounding.to_dtype(counter.at(value, index), self.dtype)
                text.update(f"{name} {self.dtype} {value}".encode())
            else:
                bits = np.ascontiguousarray(value)
                text.update(f"{name} {bits.dtype.str} {bits.shape}".encode())
            text.update(bits.tobytes())
        return text.hexdigest()[:16]
