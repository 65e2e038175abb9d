"""What a kernel is: one plain-Python function on real numbers, and what it reads and writes per site."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ngtbench.model.workload import Array

Reals = Sequence[Any]  # real numbers: NumPy arrays, or symbols while a kernel is traced
Hop = tuple[int, int]  # axis of the lattice, and +1 or -1: the site that is read from
_TAKEN = (  # by the code around bodies
    *("T", "V", "W", "D", "H", "I", "J", "s", "g", "i", "row", "next", "group", "groups", "first", "last", "index", "count"),
    *("sources", "threads", "thread", "table", "scalars", "sums", "total"),
)
HOPS_4D: tuple[Hop, ...] = tuple((axis, step) for axis in range(4) for step in (1, -1))


@dataclass(frozen=True)
class Field:
    """An array of so many real numbers per site.

    A field that is the same for all right-hand sides (links) says `each=False`. What is read at neighbours cannot be written.
    Storage "int16" keeps whole numbers below 2^15, which the body reads as reals; what it writes there is rounded to nearest.
    """

    name: str
    components: int
    access: Literal["in", "out", "inout"] = "in"
    each: bool = True
    storage: Literal["real", "int16"] = "real"

    @property
    def moved(self) -> int:
        """Numbers that must come from memory and go there, per site and (if `each`) right-hand side."""
        return self.components * (2 if self.access == "inout" else 1)

    def stored(self, dtype: str) -> str:
        """Return the dtype of its array in a kernel of a dtype."""
        return dtype if self.storage == "real" else self.storage


@dataclass(frozen=True)
class Kernel:
    """One function and its launch description; every back end is made from it.

    `body(**fields, **scalars, **dict(options))` gets each field that is read as a function: `psi()` returns its numbers at the
    own site, `psi(axis, step)` those of a neighbour, which must be among `hops`. It returns {name: numbers} for every field
    that is written, and one number for each of `sums`, which are added up over all sites in double precision. The body may
    use + - * /, `sqrt`, `larger`, `magnitude` of `codegen.trace`, and Python as it likes: it runs on NumPy arrays as it stands,
    and once on symbols.
    """

    name: str
    body: Callable[..., Mapping[str, Any]]
    fields: tuple[Field, ...]
    hops: tuple[Hop, ...] = ()
    scalars: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for names that one namespace of emitted code cannot hold."""
        names = [*(field.name for field in self.fields), *self.scalars]
        for name in names:
            if not name.isidentifier() or name in _TAKEN or [*names, *self.sums].count(name) > 1:
                raise ValueError(f"{self.name}: '{name}' is no name, or taken: rename it")

    def moved(self, sources: int = 1) -> int:
        """Return numbers per site that must be moved if every neighbour is still in cache."""
        return sum(field.moved * (sources if field.each else 1) for field in self.fields)

    def moved_b(self, dtype: str, sources: int = 1) -> int:
        """Return the same in bytes, for a kernel of a dtype."""
        sizes = ((field.moved * (sources if field.each else 1), np.dtype(field.stored(dtype)).itemsize) for field in self.fields)
        return sum(count * int(item_b) for count, item_b in sizes)


def evaluate(kernel: Kernel, fields: Mapping[str, Array], scalars: Mapping[str, float] | None = None) -> dict[str, Array]:
    """Run a kernel's body on NumPy arrays, as it is written: the definition that every back end is tested against.

    Each field has shape (components, *lattice), and so have those that are returned; sums are numbers.
    """
    found = kernel.body(
        **{field.name: _reader(fields[field.name], kernel.hops) for field in kernel.fields if field.access != "out"},
        **(scalars or {}),
        **dict(kernel.options),
    )
    lattice = next(iter(fields.values())).shape[1:]
    written = {
        field.name: _kept(field, np.stack([np.broadcast_to(number, lattice) for number in found[field.name]]))
        for field in kernel.fields
        if field.access != "in"
    }
    return written | {name: np.asarray(np.sum(np.broadcast_to(found[name], lattice), dtype=np.float64)) for name in kernel.sums}


def _kept(field: Field, numbers: Array) -> Array:
    return numbers if field.storage == "real" else np.rint(numbers)


def _reader(array: Array, hops: tuple[Hop, ...]) -> Callable[..., Reals]:
    def read(*hop: int) -> Reals:
        if not hop:
            return list(array)
        axis, step = hop
        assert (axis, step) in hops, f"the launch description lacks the hop {hop}"
        return list(np.roll(array, -step, axis=1 + axis))

    return read
