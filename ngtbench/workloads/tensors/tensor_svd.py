"""Singular value decompositions of batches of square matrices: where truncating tensors spends its time, and GPUs differ most.

Judged by what the factors are, U S V^+ = A of orthonormal U and V and descending S >= 0, which S is unique in; never by U and V,
whose phases are free.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Uniform, Workload

_EPS = {"float64": 2.0**-52, "float32": 2.0**-23}
_ALLOWED = 8.0  # roundings times sqrt(n) that factors may be off by


@dataclass(frozen=True)
class Size:
    """A batch of complex matrices n x n."""

    batch: int
    n: int


def inputs(size: Size, seed: int) -> Inputs:
    """Return matrices[batch, n, n, (re, im)]."""
    return {"matrices": Uniform((size.batch, size.n, size.n, 2), seed, 0)}


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Return the worst of the batch: |A - U S V^+| / |A|, the orthonormality of U and V, and how much S ascends or is under 0."""
    n, worst = size.n, {"reconstruction": 0.0, "u": 0.0, "vh": 0.0, "order": 0.0}
    for k in range(size.batch):
        reals = inputs["matrices"][2 * n * n * k + np.arange(2 * n * n)]
        a = np.ascontiguousarray(reals).view(complex).reshape(n, n)
        u, vh = (_part(outputs, name, k, n * n, size.batch).reshape(n, n) for name in ("u", "vh"))
        s = _part(outputs, "s", k, n, size.batch)
        found = {
            "reconstruction": np.linalg.norm(a - (u * s) @ vh) / np.linalg.norm(a),
            "u": np.max(np.abs(u.conj().T @ u - np.eye(n))),
            "vh": np.max(np.abs(vh @ vh.conj().T - np.eye(n))),
            "order": np.max([*np.diff(s), -s[-1]]) / (np.max(np.abs(s)) or 1.0),
        }
        worst = {name: float(np.maximum(value, found[name])) for name, value in worst.items()}  # NaN stays
    return {name: (value, _ALLOWED * _EPS[dtype] * np.sqrt(n)) for name, value in worst.items()}


def _part(outputs: Mapping[str, Any], name: str, k: int, length: int, batch: int) -> Array:
    """Return an output of matrix k, NaN where it is not all there."""
    try:
        outputs[name][np.array([length * batch - 1])]
        found: Array = outputs[name][length * k + np.arange(length)]
    except (KeyError, IndexError):
        found = np.full(length, np.nan)
    return found


def work(size: Size, item_b: int) -> Work:
    """Count 22 n^3 complex FLOP, of 4 real ones each, and every matrix once."""
    matrix_b = 2 * item_b * size.n**2
    return Work(
        flop=88 * size.n**3 * size.batch,
        bytes=3 * matrix_b * size.batch,
        memory_b=4 * matrix_b * size.batch,
        events=size.batch,
        event="matrix",
    )


def nearby(size: Size, k: int) -> Size:
    """Return 31/32 or 30/32 of the rows."""
    return replace(size, n=size.n - (k + 1) * max(1, size.n // 32))


WORKLOAD = Workload(
    version=1,
    title="Singular value decompositions in batches",
    inputs=inputs,
    invariants=invariants,
    work=work,
    nearby=nearby,
    sizes={"XS": Size(4, 32), "S": Size(16, 128), "M": Size(16, 256), "L": Size(64, 1024)},
    tolerance={"float64": 1e-12, "float32": 1e-4},
    impls=(
        Impl("numpy", "tensors.svd:gesdd", "numpy"),
        Impl("torch", "tensors.svd_torch:measured", "torch", devices=("cpu", "gpu")),
    ),
    repeat="trials",
    metrics=(Metric("wall_per_matrix_s"), Metric("wall_s")),
    notes=(
        "88 n^3 FLOP a matrix (22 n^3 complex), whatever a method does.",
        "On GPUs cuSOLVER's gesvdj, gesvda and gesvd are measured when the case is built; the quickest right one is recorded.",
        "NumPy: LAPACK's gesdd, and gesvd where it does not converge; threads take a matrix each.",
    ),
)
