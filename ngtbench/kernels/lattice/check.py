"""What public functions of this family ask of their arguments: each check raises BadInput and says what to give instead."""

from collections.abc import Sequence

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array

_INNER = {(4, 3): "4 spins, 3 colours", (3,): "3 colours"}


def check_links(function: str, links: Array) -> None:
    """Ask for links[mu, x, y, z, t, a, b], complex128 or complex64."""
    _check_dtype(function, "links", links)
    if links.shape[5:] != (3, 3) or links.shape[0] != 4 or 0 in links.shape:
        raise BadInput(f"{function}: links have shape {links.shape}: give (4 directions, x, y, z, t, 3, 3)")


def check_field(function: str, links: Array, field: Array, name: str = "spinor", inner: tuple[int, ...] = (4, 3)) -> None:
    """Ask for links, and for a field on their lattice of the same dtype: `inner` is (4, 3) for spinors, (3,) for staggered."""
    _check_dtype(function, "links", links)
    _check_dtype(function, name, field)
    if links.dtype != field.dtype:
        raise BadInput(f"{function}: links are {links.dtype}, {name} is {field.dtype}: convert one of them")
    if field.shape[4:] != inner or 0 in field.shape:
        raise BadInput(f"{function}: {name} has shape {field.shape}: give (x, y, z, t, {_INNER[inner]})")
    wanted = (4, *field.shape[:4], 3, 3)
    if links.shape != wanted:
        raise BadInput(f"{function}: links have shape {links.shape}: a {name} of shape {field.shape} needs {wanted}")


def check_boundary(function: str, boundary: Sequence[complex]) -> None:
    """Ask for a phase of each direction."""
    if len(boundary) != 4 or any(not abs(abs(phase) - 1) < 1e-6 for phase in boundary):
        raise BadInput(f"{function}: boundary is {boundary!r}: give four phases of modulus 1, for x, y, z, t")


def _check_dtype(function: str, name: str, array: Array) -> None:
    if not isinstance(array, np.ndarray) or array.dtype not in (np.complex128, np.complex64):
        kind = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise BadInput(f"{function}: {name} has {kind}: give a NumPy array of complex128 or complex64")
