"""Whether arrays fit a kernel."""

from collections.abc import Mapping
from typing import Any

from ngtbench.codegen.kernel import Kernel


def sources(kernel: Kernel, fields: Mapping[str, Any], lanes: int) -> int:
    """Return how many right-hand sides the fields, (blocks, sources, components, lanes), have.

    Raises ValueError for an array of another shape, or one that is not contiguous.
    """
    each = [fields[field.name].shape[1] for field in kernel.fields if field.each]
    count = max(each, default=1)
    for field in kernel.fields:
        array, wanted = fields[field.name], (count if field.each else 1, field.components, lanes)
        if array.shape[1:] != wanted or not array.flags.c_contiguous:
            raise ValueError(f"{kernel.name}: field '{field.name}' has blocks of {array.shape[1:]}, wanted contiguous {wanted}")
    return count
