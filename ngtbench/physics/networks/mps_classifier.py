"""A matrix-product-state classifier: a feature a site, the label in the middle, sites contracted from both ends towards it.

Stoudenmire and Schwab 2016, arXiv 1605.05775. A feature x is squashed to t = 1/2 + (x - middle) / (2 reach), cut off at 0 and 1,
and mapped to (cos, sin)(pi t / 2). `copies` sites beside each other hold the same feature: the square of a feature is in the span
of two sites, not in that of one. Tensors are 1 / sqrt 2 plus `spread` w, so that a long chain begins near the identity. Of
each half of the chain only the direction of its vector counts, so no length overflows: logits are `gain` L^T (1 + spread w) R.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array


@dataclass(frozen=True)
class MpsClassifier:
    """Features, the bond dimension, classes, and how features come to sites."""

    features: int = 16
    bond: int = 32
    classes: int = 5
    copies: int = 1
    middle: float = 0.0
    reach: float = 4.0
    spread: float = 0.5
    gain: float = 10.0

    def __post_init__(self) -> None:
        if min(self.features, self.bond, self.classes, self.copies) < 1 or self.sites % 2 or not self.reach > 0:
            raise BadInput(f"{self}: counts and reach must be positive, and sites even: the label is between two halves")

    @property
    def sites(self) -> int:
        """Sites of the chain."""
        return self.features * self.copies

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return tensors by distance from an end, half (left, right), sine below cosine; and those of the label."""
        half = (self.sites // 2, 2, 2 * self.bond, self.bond)
        return {"w_sites": half, "w_label": (self.classes, self.bond, self.bond)}

    def flop(self) -> int:
        """Count 2 FLOP per multiply-add: two numbers of a site by a square matrix each, and the label."""
        return 2 * (2 * self.sites + self.classes) * self.bond**2

    def entropies_nats(self, parameters: Mapping[str, Array]) -> Array:
        """Return the entanglement of the state of sites and label across each bond between sites, (sites - 1,).

        The label is right of the bond in the middle. Squares of Schmidt values are the eigenvalues of the product of the overlaps
        of both sides with themselves.
        """
        chi, half = self.bond, self.sites // 2
        unit = np.eye(chi)
        weights = (
            parameters["w_sites"].astype(np.float64).reshape(half, 2, 2, chi, chi)
        )  # distance, half, cosine or sine, in, out
        tensors = self.spread * weights + unit / np.sqrt(2)
        label = unit + self.spread * parameters["w_label"].astype(np.float64)
        left, right = _outwards(tensors[:, 0]), _outwards(tensors[:, 1])
        inner = {half: np.einsum("lab,bc,ldc->ad", label, right[-1], label)}  # what is beyond a bond, by sites left of it
        for k in range(half - 1, 0, -1):
            inner[k] = _unit(np.einsum("sab,bc,sdc->ad", tensors[k, 0], inner[k + 1], tensors[k, 0]))
        pairs = [(left[k], inner[k]) for k in range(1, half + 1)]
        beyond = np.einsum("lab,ac,lcd->bd", label, left[-1], label)
        for k in range(half - 1, 0, -1):
            beyond = _unit(np.einsum("sab,bc,sdc->ad", tensors[k, 1], beyond, tensors[k, 1]))
            pairs.append((beyond, right[k]))
        return np.array([entropy_nats(a, b) for a, b in pairs])

    @property
    def middle_bond(self) -> int:
        """Return the place of the bond that cuts the sites in halves, among the entropies."""
        return self.sites // 2 - 1


def _outwards(tensors: Array) -> list[Array]:
    """Return the overlap of the first 0, 1, ... sites with themselves: (bond, bond)."""
    found = [np.zeros(tensors.shape[-2:])]
    found[0][0, 0] = 1
    for tensor in tensors:
        found.append(_unit(np.einsum("sab,ac,scd->bd", tensor, found[-1], tensor)))
    return found


def _unit(overlap: Array) -> Array:
    scaled: Array = overlap / np.trace(overlap)
    return scaled


def entropy_nats(a: Array, b: Array) -> float:
    """Return that of a bond, from the overlaps of what is on each side with itself, (bond, bond)."""
    values, vectors = np.linalg.eigh(a)
    root = vectors * np.sqrt(np.maximum(values, 0))
    p = np.maximum(np.linalg.eigvalsh(root.T @ b @ root), 0)
    p = p[p > 0] / np.sum(p)
    return float(-np.sum(p * np.log(p)))
