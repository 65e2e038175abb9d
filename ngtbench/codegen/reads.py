"""Where a kernel in C++ reads: in which frames, from which addresses, and what it fetches ahead."""

import numpy as np

from ngtbench.codegen.kernel import Kernel
from ngtbench.codegen.program import LOADS, OWN, Program

LINE_B = 64


def frames(program: Program, name: str) -> set[int]:
    """Return the frames a field is read in."""
    live = program.live()
    return {op.what[2] for number, op in enumerate(program.ops) if op.kind in LOADS and op.what[0] == name and number in live}


def start(block: str, each: bool, components: int) -> str:
    """Write how many numbers lie before a block, and this source's part of it."""
    return f"({block} * sources + s) * {components} * W" if each else f"long({block}) * {components} * W"


def looks_ahead(kernel: Kernel) -> bool:
    """Tell whether the next row of the table is looked at: where right-hand sides share a field."""
    return bool(kernel.hops) and any(not field.each for field in kernel.fields)


def ahead(kernel: Kernel, program: Program, dtype: str, lanes: int, many: bool) -> list[str]:
    """Write one prefetch per line of what comes next and was not yet read or written.

    Of a field that all right-hand sides share that is the next row's block; of others what lies behind this visit's numbers,
    the next right-hand side or the next block. Measured on 8^4 and 16^4: prefetching one hop of the slowest axis is best for one
    right-hand side (up to 1.2 times as fast as without), both hops of the two slowest axes for many (1.2 times as fast again).
    """
    if not kernel.hops:
        return []
    lines = []
    for field in kernel.fields:
        read = sorted(frames(program, field.name)) or [OWN]
        if field.each:
            hops = [frame for frame in read if frame != OWN][: 4 if many else 1] or [OWN]
            starts = [f"(const char *)({field.name}{frame} + {field.components})" for frame in hops]
        else:
            block = "next[0]" if read[0] == OWN else f"(next[{read[0]}] >> 1)"
            starts = [f"(const char *)({field.name} + {start(block, field.each, field.components)})"]
        size_b = field.components * lanes * np.dtype(field.stored(dtype)).itemsize
        written = int(field.access != "in")
        lines += [f"__builtin_prefetch({start} + {at}, {written}, 3);" for start in starts for at in range(0, size_b, LINE_B)]
    return lines


def spread(lines: list[str], extra: list[str]) -> list[str]:
    """Put the extra lines between the others, evenly."""
    found: list[str] = []
    for k, one in enumerate(lines):
        found += extra[k * len(extra) // len(lines) : (k + 1) * len(extra) // len(lines)]
        found.append(one)
    return found
