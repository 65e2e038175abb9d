"""Which particles scatter into which: a process as MadGraph writes it, and the factors that averages and symmetry bring."""

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from ngtbench.errors import BadInput

NC = 3
LIGHT = ("d", "u", "s", "c")  # massless quarks
_QUARK = re.compile(r"([dusct])(~?)")
_GLUONS = {0: (4, 5, 6), 1: (2, 3, 4, 5), 2: (0, 1, 2), 3: (0,)}  # number of quark lines -> numbers of gluons
SUPPORTED = (
    "2 > 2 to 5 particles of leading-order QCD: g, massless d u s c and their antiparticles d~ u~ s~ c~, and t t~ as one "
    "outgoing pair; 4 to 6 gluons and no quarks, 2 to 5 gluons and one quark line, up to 2 gluons and two lines, or three "
    'lines and no gluon; for example "g g > t t~ g g"'
)


@dataclass(frozen=True)
class Particle:
    """A gluon, quark or antiquark."""

    name: str

    @property
    def flavour(self) -> str:
        """Return "g" or the quark's name without the tilde."""
        return self.name.rstrip("~")

    @property
    def gluon(self) -> bool:
        """Tell whether it is a gluon."""
        return self.name == "g"

    @property
    def anti(self) -> bool:
        """Tell whether it is an antiquark."""
        return self.name.endswith("~")

    @property
    def massive(self) -> bool:
        """Tell whether it is a top quark; all others are massless."""
        return self.flavour == "t"

    @property
    def colours(self) -> int:
        """Return its number of colours."""
        return NC * NC - 1 if self.gluon else NC


@dataclass(frozen=True)
class Process:
    """Two incoming and several outgoing particles."""

    incoming: tuple[Particle, Particle]
    outgoing: tuple[Particle, ...]

    @property
    def particles(self) -> tuple[Particle, ...]:
        """All of them, in the order of momenta."""
        return self.incoming + self.outgoing

    @property
    def text(self) -> str:
        """The process as MadGraph writes it."""
        return " > ".join(" ".join(particle.name for particle in side) for side in (self.incoming, self.outgoing))

    @property
    def couplings(self) -> int:
        """Powers of g_s in an amplitude."""
        return len(self.particles) - 2

    @cached_property
    def denominator(self) -> int:
        """What the sum over spins and colours is divided by: initial spins and colours, and n! of identical final particles."""
        initial = math.prod(2 * particle.colours for particle in self.incoming)
        return initial * math.prod(math.factorial(count) for count in Counter(self.outgoing).values())

    def masses(self, top_mass: float) -> tuple[float, ...]:
        """Return the mass of each particle, in the unit of `top_mass`."""
        return tuple(top_mass if particle.massive else 0.0 for particle in self.particles)

    def quarks(self) -> list[tuple[int, str]]:
        """Return (leg, flavour) of those that leave as quarks when all legs are taken as outgoing: incoming antiquarks too."""
        return self._lines(anti=False)

    def antiquarks(self) -> list[tuple[int, str]]:
        """Return (leg, flavour) of those that leave as antiquarks when all legs are taken as outgoing."""
        return self._lines(anti=True)

    def gluons(self) -> list[int]:
        """Return the legs that are gluons."""
        return [leg for leg, particle in enumerate(self.particles) if particle.gluon]

    def _lines(self, anti: bool) -> list[tuple[int, str]]:
        return [
            (leg, particle.flavour)
            for leg, particle in enumerate(self.particles)
            if not particle.gluon and (particle.anti != (leg < len(self.incoming))) == anti
        ]


def parse(text: str) -> Process:
    """Return the process that a text in MadGraph's syntax names, such as "g g > t t~ g".

    Raises BadInput, which says what is supported.
    """
    sides = [side.split() for side in text.split(">")] if isinstance(text, str) else []
    if len(sides) != 2 or len(sides[0]) != 2 or not 2 <= len(sides[1]) <= 5:
        raise _unsupported(text, "it does not name 2 incoming and 2 to 5 outgoing particles")
    for name in (*sides[0], *sides[1]):
        if name != "g" and not (_QUARK.fullmatch(name) and name.rstrip("~") in (*LIGHT, "t")):
            raise _unsupported(text, f"'{name}' is no particle known here")
    process = Process((Particle(sides[0][0]), Particle(sides[0][1])), tuple(Particle(name) for name in sides[1]))
    if any(particle.massive for particle in process.incoming):
        raise _unsupported(text, "top quarks can only leave")
    quarks, antiquarks = (Counter(flavour for _, flavour in legs) for legs in (process.quarks(), process.antiquarks()))
    if quarks != antiquarks:
        raise _unsupported(text, "a flavour is not conserved")
    if quarks["t"] > 1:
        raise _unsupported(text, "it has more than one pair of top quarks")
    if len(process.gluons()) not in _GLUONS.get(quarks.total(), ()):
        raise _unsupported(text, f"it has {quarks.total()} quark lines and {len(process.gluons())} gluons")
    return process


def _unsupported(text: object, why: str) -> BadInput:
    return BadInput(f"process {text!r}: {why}. Supported: {SUPPORTED}.")
