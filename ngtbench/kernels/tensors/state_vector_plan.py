"""A circuit in few passes over the state: each takes blocks that fit a cache through every gate that can be done on them.

A gate on a qubit waits for the one before on that qubit alone. So a block of some qubits goes on into later layers, up to a cone
that narrows by a qubit a layer at its edges; a CZ is diagonal and needs no qubit of its pair in the block.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pass:
    """Blocks of the bits below `low` and `high` bits from `shift` on, and gates in order.

    A gate is a bit of the block and the place of its matrix in the circuit, or -1 and a mask: the lower bits of pairs of CZ.
    """

    low: int
    shift: int
    high: int
    gates: tuple[tuple[int, int], ...]


def passes(circuit: Sequence[tuple[int, bool]], qubits: int, low: int, block: int) -> list[Pass]:
    """Return passes of blocks of `block` bits, the lowest `low` among them.

    The circuit names qubits, 0 the highest bit, and whether a matrix is on it; else a CZ on it and the next.
    """
    low, high = min(low, qubits), min(block, qubits) - min(low, qubits)
    waiting: list[list[int]] = [[] for _ in range(qubits)]  # by bit: places in the circuit
    for place, (qubit, single) in enumerate(circuit):
        for bit in (qubits - 1 - qubit,) if single else (qubits - 1 - qubit, qubits - 2 - qubit):
            waiting[bit].append(place)
    done = [0] * qubits
    found: list[Pass] = []
    while any(done[bit] < len(waiting[bit]) for bit in range(qubits)):
        tries = [(shift, *_advanced(circuit, waiting, list(done), low, shift, high)) for shift in range(low, qubits - high + 1)]
        shift, gates, done = max(tries, key=lambda one: sum(bit >= 0 for bit, _ in one[1]))
        found.append(Pass(low, shift, high, tuple(gates)))
    return found


def _advanced(
    circuit: Sequence[tuple[int, bool]], waiting: list[list[int]], done: list[int], low: int, shift: int, high: int
) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the gates that a pass can do, and how many are done then of each bit."""
    gates: list[tuple[int, int]] = []
    local = [*range(low), *range(shift, shift + high)]

    def ahead(bit: int) -> int | None:
        return waiting[bit][done[bit]] if done[bit] < len(waiting[bit]) else None

    moved = True
    while moved:
        moved = False
        for at, bit in enumerate(local):
            place = ahead(bit)
            if place is not None and circuit[place][1]:
                gates.append((at, place))
                done[bit], moved = done[bit] + 1, True
        mask = 0
        for bit in range(len(waiting) - 1):
            place = ahead(bit)
            if place is not None and place == ahead(bit + 1):
                mask |= 1 << bit
                done[bit], done[bit + 1], moved = done[bit] + 1, done[bit + 1] + 1, True
        if mask:
            gates.append((-1, mask))
    return gates, done
