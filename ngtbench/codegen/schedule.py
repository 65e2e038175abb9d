"""The order in which a traced kernel is written: as its body has it, loads where first used, moves of a hop together."""

from collections import defaultdict
from dataclasses import dataclass

from ngtbench.codegen.program import LOADS, Program


@dataclass(frozen=True)
class Step:
    """One line, or the moves of one frame that are done together, under one branch."""

    lines: tuple[int, ...]
    frame: int | None = None  # of moves


def steps(program: Program) -> list[Step]:
    """Return every line that an output needs.

    The first move of a frame takes along all whose values were written before it. Else the order of the body is kept, for it
    decides what a compiler must keep in registers.
    """
    live = sorted(program.live())
    waiting: dict[int, list[int]] = defaultdict(list)
    for line in live:
        if program.ops[line].kind == "move":
            waiting[program.ops[line].what].append(line)
    done: set[int] = set()
    found: list[Step] = []

    def write(lines: tuple[int, ...], frame: int | None = None) -> None:
        for line in lines:
            loads = [arg for arg in program.ops[line].args if program.ops[arg].kind in LOADS and arg not in done]
            found.extend(Step((load,)) for load in dict.fromkeys(loads))
            done.update(loads)
        done.update(lines)
        found.append(Step(lines, frame))

    for line in live:
        op = program.ops[line]
        if line in done or op.kind in LOADS:
            continue
        if op.kind != "move":
            write((line,))
        else:
            write(tuple(move for move in waiting[op.what] if move not in done and program.ops[move].args[0] < line), op.what)
    outputs = [line for lines in program.outputs.values() for line in lines]
    return found + [Step((line,)) for line in dict.fromkeys(outputs) if line not in done]
