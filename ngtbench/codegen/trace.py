"""Run a kernel's body on symbols, once, and keep the lines it writes."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from ngtbench.codegen.kernel import Kernel, Reals
from ngtbench.codegen.program import OWN, Block, Op, Program, Symbol

INLINE = 5000  # above so many operations building blocks become functions: compile time then grows linearly
_LOAD = {"real": "load", "int16": "load16"}


def sqrt(x: Any) -> Any:
    """Return the square root of a symbol, an array or a number."""
    return x.program.emit("sqrt", x) if isinstance(x, Symbol) else np.sqrt(x)


def larger(x: Any, y: Any) -> Any:
    """Return the larger of two numbers, no FLOP; of a NaN and a number either."""
    for one in (x, y):
        if isinstance(one, Symbol):
            return one.program.emit("larger", x, y)
    return np.maximum(x, y)


def magnitude(x: Any) -> Any:
    """Return |x|, no FLOP."""
    return x.program.emit("magnitude", x) if isinstance(x, Symbol) else np.abs(x)


def signum(x: Any) -> Any:
    """Return 1 or -1, the sign of x, also of 0 and -0; no FLOP."""
    return x.program.emit("signum", x) if isinstance(x, Symbol) else np.copysign(1.0, x)


def block(function: Callable[..., Reals]) -> Callable[..., Reals]:
    """Let a function of lists of numbers, which returns a list, become a function of its own in large kernels."""

    def called(*lists: Reals) -> Reals:
        numbers = [number for numbers in lists for number in numbers]
        program = next((number.program for number in numbers if isinstance(number, Symbol)), None)
        if program is None or not program.calls:
            return function(*lists)
        return program.call(_block(function, tuple(len(numbers) for numbers in lists)), numbers)

    return called


@cache
def _block(function: Callable[..., Reals], lengths: tuple[int, ...]) -> Block:
    program, lists, start = Program(), list[Reals](), 0
    for length in lengths:
        lists.append([program.symbol(Op("arg", what=start + k, frame=OWN)) for k in range(length)])
        start += length
    program.outputs["out"] = [program.index(number) for number in function(*lists)]
    return Block(f"{function.__name__}_{'_'.join(map(str, lengths))}", program)


@cache
def trace(kernel: Kernel) -> Program:
    """Run a kernel's body on symbols: written out if it is small, with its building blocks as functions if it is large."""
    program = _traced(kernel, calls=False)
    return program if len(program.live()) <= INLINE else _traced(kernel, calls=True)


def _traced(kernel: Kernel, calls: bool) -> Program:
    program = Program(calls)
    read = {
        field.name: partial(_read, program, kernel, field.name, field.components, _LOAD[field.storage])
        for field in kernel.fields
        if field.access != "out"
    }
    scalars = {name: program.symbol(Op("scalar", what=name)) for name in kernel.scalars}
    found = kernel.body(**read, **scalars, **dict(kernel.options))
    for written in kernel.fields:
        if written.access != "in":
            numbers = found[written.name]
            if len(numbers) != written.components:
                raise ValueError(
                    f"{kernel.name}: body returns {len(numbers)} numbers for '{written.name}', declared {written.components}"
                )
            program.outputs[written.name] = [program.moved(program.index(number)) for number in numbers]
    for name in kernel.sums:
        program.outputs[name] = [program.moved(program.index(found[name]))]
    return program


def _read(program: Program, kernel: Kernel, name: str, components: int, load: str, *hop: int) -> list[Symbol]:
    if hop and hop not in kernel.hops:
        raise ValueError(f"{kernel.name}: '{name}' is read at the hop {hop}, which its launch description lacks")
    if hop and any(field.name == name and field.access != "in" for field in kernel.fields):
        raise ValueError(f"{kernel.name}: '{name}' is read at neighbours and written: others may see it before or after")
    frame = OWN if not hop else 1 + kernel.hops.index((hop[0], hop[1]))
    return [program.symbol(Op(load, what=(name, c, frame), frame=frame)) for c in range(components)]
