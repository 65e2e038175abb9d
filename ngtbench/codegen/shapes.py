"""Whether arrays fit a kernel."""

from collections.abc import Mapping
from typing import Any

from ngtbench.codegen.kernel import Kernel
from ngtbench.codegen.program import LOADS, OWN
from ngtbench.codegen.trace import trace
from ngtbench.model.workload import Array


def sources(kernel: Kernel, fields: Mapping[str, Any], lanes: int, dtype: str) -> int:
    """Return how many right-hand sides the fields, (blocks, sources, components, lanes), have.

    Raises ValueError for none, for an array of another shape or dtype, or one that is not contiguous.
    """
    each = [fields[field.name].shape[1] for field in kernel.fields if field.each]
    count = max(each, default=1)
    if count < 1:
        raise ValueError(f"{kernel.name}: no right-hand sides")
    for field in kernel.fields:
        array, wanted = fields[field.name], (count if field.each else 1, field.components, lanes)
        if array.shape[1:] != wanted or not array.flags.c_contiguous:
            raise ValueError(f"{kernel.name}: field '{field.name}' has blocks of {array.shape[1:]}, wanted contiguous {wanted}")
        if str(array.dtype) != field.stored(dtype):
            raise ValueError(
                f"{kernel.name}: field '{field.name}' is {array.dtype}, a kernel of {dtype} wants {field.stored(dtype)}"
            )
    return count


def inside(kernel: Kernel, table: Array, fields: Mapping[str, Any], starts: Mapping[str, int]) -> None:
    """Raise ValueError where a row of `Grid.table` leads to a block that a field does not hold, beginning with its start."""
    program = trace(kernel)
    read = {program.ops[line].what[::2] for line in program.live() if program.ops[line].kind in LOADS}
    written = {(field.name, OWN) for field in kernel.fields if field.access != "in"}
    for name, frame in sorted(read | written):
        blocks = table[:-1, frame] >> (frame != OWN)
        first, count = starts.get(name, 0), len(fields[name])
        if blocks.size and not (first <= blocks.min() and blocks.max() < first + count):
            raise ValueError(
                f"{kernel.name}: field '{name}' has blocks {first} to {first + count - 1}, "
                f"rows lead to {blocks.min()} to {blocks.max()}"
            )
