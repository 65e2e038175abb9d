"""Lattice operators on traced kernels: fields packed for an engine, kernels bound to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ngtbench.codegen.engine import Bound, Engine, engine
from ngtbench.codegen.grid import Grid, Part, grid
from ngtbench.codegen.kernel import Kernel
from ngtbench.kernels.lattice import layout
from ngtbench.model.workload import Array, Arrays, Run, Setup


@dataclass(frozen=True)
class Lattice:
    """A lattice cut into an engine's lanes."""

    grid: Grid
    engine: Engine
    _indices: dict[Part, Any] = field(default_factory=dict)  # the sites of parts, on the device

    def put(self, numbers: Array) -> Any:
        """Return host reals, or whole numbers of 16 bits, packed on the engine's device: ([sources,] sites, components)."""
        stored = numbers if numbers.dtype == np.int16 else numbers.astype(self.engine.dtype, copy=False)
        return self.engine.place(self.grid.pack(stored), 2 if self.grid.parity else 1)

    def spinors(self, numbers: Any, components: int, part: Part = "all", out: Any = None) -> Any:
        """Return contiguous complex numbers of the device, per site, with or without a leading axis of sources, packed."""
        reals = numbers.reshape(-1).view(self.engine.dtype).reshape(-1, self.grid.sites.size, components)
        packed = self.empty(len(reals), components, part) if out is None else out
        for source, one in enumerate(reals):
            packed[:, source] = one[self._sites(part)].transpose(0, 2, 1)
        return packed

    def numbers(self, packed: Any, part: Part, out: Any) -> None:
        """Write a packed part of the lattice to contiguous complex numbers of the device, whose other sites are left alone."""
        reals = out.reshape(-1).view(self.engine.dtype).reshape(packed.shape[1], self.grid.sites.size, packed.shape[2])
        for source, one in enumerate(reals):
            one[self._sites(part)] = packed[:, source].transpose(0, 2, 1)

    def _sites(self, part: Part) -> Any:
        if part not in self._indices:
            self._indices[part] = self.engine.put(self.grid.sites[self.grid.range(part)])
        return self._indices[part]

    def empty(self, sources: int, components: int, part: Part = "all", dtype: str = "") -> Any:
        """Return room for a field on a part of the lattice, of the engine's dtype or another."""
        blocks = self.grid.range(part)
        shape = (blocks.stop - blocks.start, sources, components, self.grid.lanes)
        return self.engine.empty(shape, dtype or self.engine.dtype)

    def bind(self, kernel: Kernel, fields: Mapping[str, Any], part: Part, starts: Mapping[str, int]) -> Bound:
        """Make a kernel, or take it from the cache, for these fields and a part of the sites; `starts`: see `native.bind`."""
        return self.engine.bind(kernel, self.grid, self.grid.table(kernel.hops, part), fields, starts)


def lattice(shape: tuple[int, ...], on: Engine, *, parity: bool = False) -> Lattice:
    """Cut a lattice for an engine."""
    return Lattice(grid(shape, on.lanes, parity=parity), on)


def operator(
    setup: Setup,
    kernel: Kernel,
    fields: Callable[[], Mapping[str, Array]],
    numbers: Array,
    scalars: tuple[float, ...] = (),
) -> Run:
    """Return a run of a kernel that reads `psi` and writes `out`; `fields` gives the reals per site of the others."""
    size, (on, part) = setup.size, lattice_of(setup)
    components = next(field.components for field in kernel.fields if field.name == "psi")
    psi = on.spinors(numbers, components)
    out = on.empty(psi.shape[1], components, part)
    others = {name: on.put(reals) for name, reals in fields().items()}
    apply = on.bind(kernel, {**others, "psi": psi, "out": out}, part, {"out": on.grid.range(part).start})
    for k, scalar in enumerate(scalars):
        apply.scalars[:, k] = scalar
    result = {"out": layout.blocked(on.grid, out, shape_of(size, components), part)}
    setup.say(said(on))

    def run() -> Arrays:
        apply()
        return result

    return run


def lattice_of(setup: Setup) -> tuple[Lattice, Part]:
    """Return a case's lattice, and the part of it that is written."""
    even = setup.size.parity == "even"
    on = lattice(setup.size.shape, engine(setup.backend.name, setup.dtype, setup.threads), parity=even)
    return on, "even" if even else "all"


def said(on: Lattice) -> str:
    """Return what a record says of the kernel."""
    return f"{on.engine.said}, {on.grid.lanes} lanes split {'x'.join(map(str, on.grid.splits))}"


def shape_of(size: Any, components: int) -> tuple[int, ...]:
    """Return the shape of the oracle's result."""
    sites = (size.written,) if size.parity == "even" else size.shape
    return (*((size.sources,) if size.sources > 1 else ()), *sites, *((4, 3) if components == 24 else (3,)))
