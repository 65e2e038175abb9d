"""Whether a result is right: against the oracle in full or in a sample, and by invariants."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ngtbench import workloads
from ngtbench.harness import blocked
from ngtbench.harness.inputs import HostInputs
from ngtbench.model.record import Verdict
from ngtbench.model.workload import Array, Backend, Workload
from ngtbench.physics import rounding

FULL_SIZES = ("XS", "S")  # these and their variants are never sampled
_CHUNK = 1 << 16  # elements compared at once: temporaries stay in cache


class Fetched:
    """An output on its device, indexed by flat indices, fetched and widened."""

    def __init__(self, array: Any, backend: Backend) -> None:
        self._array, self._backend = array, backend

    def __getitem__(self, index: Array) -> Array:
        return rounding.widen(blocked.take(self._backend, self._array, np.asarray(index)))

    def whole(self) -> Array:
        """Return all of it on the host, widened."""
        return rounding.widen(blocked.whole(self._backend, self._array))


class Checker:
    """The oracle of one problem; its answer is computed once and used for every check."""

    def __init__(self, workload: Workload, size_name: str, inputs: HostInputs, backend: Backend) -> None:
        self._workload, self._inputs, self._backend = workload, inputs, backend
        self._size = workloads.size(workload, size_name)
        sampled = workload.spot is not None and size_name.partition(workloads.NEAR)[0].split("-")[0] not in FULL_SIZES
        self.kind: Literal["full", "spot", "invariants"] = (
            "spot" if sampled else "full" if workload.reference is not None else "invariants"
        )
        self._wanted: Mapping[str, Array] | None = None

    def glance(self, outputs: Any) -> Verdict:
        """Judge as `check` does, but without invariants where every element is compared anyway."""
        return self.check(outputs, invariants=self.kind != "full")

    def check(self, outputs: Any, *, invariants: bool = True) -> Verdict:
        """Judge outputs (name -> array of the backend); a fault of any kind is a verdict, not an error."""
        if not isinstance(outputs, Mapping) or not outputs:
            return self._verdict(None, None, {}, f"returned {type(outputs).__name__} instead of named outputs")
        promised = [
            f"{name} ({type(array).__name__})" for name, array in outputs.items() if not blocked.holds(self._backend, array)
        ]
        if promised:
            words = f"{', '.join(promised)}: no plain array of {self._backend.name}: what is computed later would not be timed"
            return self._verdict(None, None, {}, words)
        if self.kind == "full":
            error, worst, reason = self._full(outputs)
        elif self.kind == "spot":
            error, worst, reason = self._spot(outputs)
        else:
            error, worst, reason = 0.0, None, None
        found = self._invariants(outputs) if reason is None and invariants else {}
        broken = [name for name, (value, bound) in found.items() if value is None or not abs(value) <= bound]
        if broken and reason is None:
            reason = "; ".join(f"invariant {name} = {found[name][0]} beyond {found[name][1]:g}" for name in broken)
        return self._verdict(error, worst, found, reason)

    def _verdict(
        self, error: float | None, worst: str | None, invariants: dict[str, tuple[float | None, float]], reason: str | None
    ) -> Verdict:
        tolerance = None if self.kind == "invariants" else self._workload.tolerance[self._inputs.dtype]
        if reason is None and tolerance is not None and error is not None and not error <= tolerance:
            reason = f"error {error:.3g} of the field's rms at {worst}, tolerance {tolerance:g}"
        return Verdict(
            passed=reason is None,
            check=self.kind,
            error=None if self.kind == "invariants" else error,
            tolerance=tolerance,
            worst=worst,
            invariants=invariants,
            inputs_digest=self._inputs.digest,
            reason=reason,
        )

    def _full(self, outputs: Mapping[str, Any]) -> tuple[float | None, str | None, str | None]:
        if self._wanted is None:
            assert self._workload.reference is not None
            self._wanted = self._workload.reference(self._size, **self._inputs.wide())
        if set(outputs) != set(self._wanted):
            return None, None, f"returned outputs {sorted(outputs)}, the oracle has {sorted(self._wanted)}"
        found = [_distance(name, blocked.whole(self._backend, outputs[name]), self._wanted[name]) for name in outputs]
        return _worst(found)

    def _spot(self, outputs: Mapping[str, Any]) -> tuple[float | None, str | None, str | None]:
        assert self._workload.spot is not None
        fetched = {name: Fetched(array, self._backend) for name, array in outputs.items()}
        try:
            got, want = self._workload.spot(self._size, self._inputs.sampled(), fetched)
        except (KeyError, IndexError) as error:
            return None, None, f"outputs lack what the oracle looks at: {type(error).__name__} {error}"
        return _worst([_distance("sample", np.asarray(got), np.asarray(want))])

    def _invariants(self, outputs: Mapping[str, Any]) -> dict[str, tuple[float | None, float]]:
        if self._workload.invariants is None:
            return {}
        fetched = {name: Fetched(array, self._backend) for name, array in outputs.items()}
        bounds = self._workload.invariants(self._size, self._inputs.sampled(), fetched, self._inputs.dtype)
        return {name: (float(v) if np.isfinite(v) else None, float(bound)) for name, (v, bound) in bounds.items()}


def _distance(name: str, got: Array, want: Array) -> tuple[float | None, str | None, str | None]:
    """Return (max |got - want| / rms want, where, reason); rms because norms hide one element and ratios hide zeros."""
    if got.shape != want.shape:
        return None, None, f"{name} has shape {got.shape}, the oracle {want.shape}"
    if not got.size:
        return None, None, f"{name} is empty: nothing was checked"
    if got.dtype.kind not in "fciub":
        return None, None, f"{name} holds {got.dtype}, not numbers"
    error, worst, squares = -1.0, 0, 0.0
    flat, wanted = got.reshape(-1), want.reshape(-1)
    for start in range(0, got.size, _CHUNK):
        part = wanted[start : start + _CHUNK]
        off = np.abs(rounding.widen(flat[start : start + _CHUNK]) - part)
        place = int(np.argmax(off))  # the first NaN, where there is one
        if not np.isfinite(off[place]):
            where = _place(start + place, got.shape)
            return None, None, f"{name}{where} is {flat[start + place]}, wanted {part[place]}"
        if off[place] > error:
            error, worst = float(off[place]), start + place
        squares += float(np.sum(np.abs(part) ** 2))
    rms = float(np.sqrt(squares / got.size))
    return error / rms if rms > 0 else error, f"{name}{_place(worst, got.shape)}", None


def _place(flat: int, shape: tuple[int, ...]) -> list[int]:
    return [int(i) for i in np.unravel_index(flat, shape)]


def _worst(found: list[tuple[float | None, str | None, str | None]]) -> tuple[float | None, str | None, str | None]:
    for error, worst, reason in found:
        if reason is not None:
            return error, worst, reason
    return max(found, key=lambda item: item[0] or 0.0)
