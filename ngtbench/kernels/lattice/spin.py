"""Spin projection as data: what 1 -+ gamma_mu does to a spinor, for kernels that use half of it.

In the DeGrand-Rossi basis gamma_mu = [[0, A], [A^+, 0]], and A has one entry per row: row i holds `phases[i]` in column i,
or in column 1 - i where `swapped`. So (1 + sign gamma) psi is known by its upper half h = upper + sign A lower: the lower
half is sign A^+ h.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hop:
    """One of the eight terms of a hopping operator: (1 + sign gamma_mu) U psi, psi taken from x - step mu."""

    mu: int
    step: int  # as np.roll shifts: -1 fetches x+mu, +1 fetches x-mu
    swapped: bool
    phases: tuple[complex, complex]  # sign included

    @property
    def order(self) -> slice:
        """The lower spin components in the order of the upper ones they are added to."""
        return slice(None, None, -1) if self.swapped else slice(None)


_BLOCKS: tuple[tuple[bool, complex, complex], ...] = ((True, 1j, 1j), (True, -1, 1), (False, 1j, -1j), (False, 1, 1))


def hops() -> tuple[Hop, ...]:
    """Return the eight hops of D: for each direction x+mu with 1 - gamma_mu, then x-mu with 1 + gamma_mu."""
    return tuple(
        Hop(mu, step, swapped, (step * first, step * second))
        for mu, (swapped, first, second) in enumerate(_BLOCKS)
        for step in (-1, 1)
    )
