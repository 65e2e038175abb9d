"""Feynman diagrams one by one, of one event at a time: for the checks of the oracle, with Dirac matrices of their own.

Dirac basis, spinors from projections, linear polarisations. A process is a list of terms: colour, a tensor with an axis for each
leg, and a number for each combination of external states.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.processes import Process

METRIC = np.diag((1.0, -1.0, -1.0, -1.0))
PAULI = np.array((((0, 1), (1, 0)), ((0, -1j), (1j, 0)), ((1, 0), (0, -1))))
GAMMA = np.array([np.kron(np.diag((1, -1)), np.eye(2)), *(np.kron(((0, 1), (-1, 0)), sigma) for sigma in PAULI)])
Gluon = tuple[Array, Array]  # incoming momentum and polarisation, of an external or an inner one
Term = tuple[str, complex]


@dataclass(frozen=True)
class Line:
    """A quark line with both its ends: momenta along the arrow, and spinors."""

    out: Array
    into: Array
    row: Array
    column: Array
    mass: float
    width: float


def generators() -> Array:
    """Return T^a, (8, 3, 3): symmetric, antisymmetric, then diagonal ones."""
    t = []
    for i, j in ((0, 1), (0, 2), (1, 2)):
        for one, other in ((1, 1), (-1j, 1j)):
            matrix = np.zeros((3, 3), dtype=complex)
            matrix[i, j], matrix[j, i] = one, other
            t.append(matrix / 2)
    t += [np.diag((1, -1, 0)) / 2, np.diag((1, 1, -2)) / np.sqrt(12)]
    return np.array(t)


def structure() -> Array:
    """Return f^{abc}, from [T^a, T^b] = i f^{abc} T^c."""
    t = generators()
    constants: Array = np.einsum("abij,cji->abc", -2j * (t[:, None] @ t[None] - t[None] @ t[:, None]), t)
    return constants


def slash(k: Array) -> Array:
    matrix: Array = np.tensordot(METRIC @ k, GAMMA, axes=1)
    return matrix


def states(name: str, p: Array, mass: float, incoming: bool) -> list[Array]:
    """Return both external states of a particle."""
    if name == "g":
        direction = p[1:] / np.linalg.norm(p[1:])
        one = np.cross(direction, np.eye(3)[np.argmin(np.abs(direction))])
        one /= np.linalg.norm(one)
        return [np.array((0.0, *one)), np.array((0.0, *np.cross(direction, one)))]
    sign = -1 if name.endswith("~") else 1
    rest = np.eye(4)[:2] if sign > 0 else np.eye(4)[2:]
    spinors = [(sign * slash(p) + mass * np.eye(4)) @ spinor / np.sqrt(p[0] + mass) for spinor in rest]
    return spinors if incoming == (sign > 0) else [spinor.conj() @ GAMMA[0] for spinor in spinors]


@dataclass(frozen=True)
class Rules:
    """Vertices and propagators, with D = d - i g A^a T^a."""

    g: float

    def along(self, line: Line, *gluons: Gluon) -> complex:
        """Return a quark line that takes up these gluons, the first next to where it leaves."""
        p, total = line.out, line.row
        for place, (k, polarisation) in enumerate(gluons):
            if place:
                denominator = p @ METRIC @ p - line.mass**2 + 1j * line.mass * line.width
                total = total @ (1j * (slash(p) + line.mass * np.eye(4)) / denominator)
            total = total @ (1j * self.g * slash(polarisation))
            p = p - k
        return complex(total @ line.column)

    def emitted(self, line: Line) -> Gluon:
        """Return the gluon that a line gives off."""
        k = line.into - line.out
        current = np.array([line.row @ gamma @ line.column for gamma in GAMMA])
        return k, 1j * self.g * current * (-1j / (k @ METRIC @ k))

    def merged(self, one: Gluon, other: Gluon) -> Gluon:
        """Return what two gluons become at the vertex of three, without f^{abc}."""
        (k, a), (p, b) = one, other
        vertex = (a @ METRIC @ b) * (k - p) + ((2 * p + k) @ METRIC @ a) * b - ((2 * k + p) @ METRIC @ b) * a
        return k + p, self.g * vertex * (-1j / ((k + p) @ METRIC @ (k + p)))

    def quartic(self, a: Gluon, b: Gluon, c: Gluon) -> Gluon:
        """Return what three gluons become at the vertex of four, of its terms that with f^{abe} f^{cde}."""
        k = a[0] + b[0] + c[0]
        vertex = (a[1] @ METRIC @ c[1]) * b[1] - (b[1] @ METRIC @ c[1]) * a[1]
        return k, -1j * self.g**2 * vertex * (-1j / (k @ METRIC @ k))


def two_gluons(rules: Rules, lines: Sequence[Line], gluons: Sequence[Gluon]) -> list[Term]:
    """Return the 3 diagrams of g g > t t~; colours as in `einsum`: T is a quark line, f a vertex of three."""
    (line,), (a, b) = lines, gluons
    return [
        ("aik,bkj->abij", rules.along(line, a, b)),
        ("bik,akj->abij", rules.along(line, b, a)),
        ("abc,cij->abij", rules.along(line, rules.merged(a, b))),
    ]


def three_gluons(rules: Rules, lines: Sequence[Line], gluons: Sequence[Gluon]) -> list[Term]:
    """Return the 16 diagrams of g g > t t~ g, the last in three terms."""
    (line,), (a, b, c) = lines, gluons
    ab, ac, bc = rules.merged(a, b), rules.merged(a, c), rules.merged(b, c)
    return [
        ("aik,bkl,clj->abcij", rules.along(line, a, b, c)),
        ("aik,ckl,blj->abcij", rules.along(line, a, c, b)),
        ("bik,akl,clj->abcij", rules.along(line, b, a, c)),
        ("bik,ckl,alj->abcij", rules.along(line, b, c, a)),
        ("cik,akl,blj->abcij", rules.along(line, c, a, b)),
        ("cik,bkl,alj->abcij", rules.along(line, c, b, a)),
        ("abe,eik,ckj->abcij", rules.along(line, ab, c)),
        ("abe,cik,ekj->abcij", rules.along(line, c, ab)),
        ("ace,eik,bkj->abcij", rules.along(line, ac, b)),
        ("ace,bik,ekj->abcij", rules.along(line, b, ac)),
        ("bce,eik,akj->abcij", rules.along(line, bc, a)),
        ("bce,aik,ekj->abcij", rules.along(line, a, bc)),
        ("abe,ecd,dij->abcij", rules.along(line, rules.merged(ab, c))),
        ("ace,ebd,dij->abcij", rules.along(line, rules.merged(ac, b))),
        ("bce,ead,dij->abcij", rules.along(line, rules.merged(bc, a))),
        ("abe,cde,dij->abcij", rules.along(line, rules.quartic(a, b, c))),
        ("ace,bde,dij->abcij", rules.along(line, rules.quartic(a, c, b))),
        ("bce,ade,dij->abcij", rules.along(line, rules.quartic(b, c, a))),
    ]


def two_lines(rules: Rules, lines: Sequence[Line], gluons: Sequence[Gluon]) -> list[Term]:
    """Return the diagram of q q~ > t t~."""
    one, other = lines
    return [("eij,ekl->ijkl", rules.along(one, rules.emitted(other)))]


def two_lines_and_gluon(rules: Rules, lines: Sequence[Line], gluons: Sequence[Gluon]) -> list[Term]:
    """Return the 5 diagrams of q q~ > t t~ g; lines end in i, j and k, l."""
    (one, other), (a,) = lines, gluons
    first, second = rules.emitted(one), rules.emitted(other)
    return [
        ("aim,emj,ekl->aijkl", rules.along(one, a, second)),
        ("eim,amj,ekl->aijkl", rules.along(one, second, a)),
        ("eij,akm,eml->aijkl", rules.along(other, a, first)),
        ("eij,ekm,aml->aijkl", rules.along(other, first, a)),
        ("eij,ead,dkl->aijkl", rules.along(other, rules.merged(first, a))),
    ]


def three_lines(rules: Rules, lines: Sequence[Line], gluons: Sequence[Gluon]) -> list[Term]:
    """Return the 7 diagrams of q q~ > t t~ Q Q~; lines end in i, j and k, l and m, n."""
    one, two, three = lines
    a, b, c = (rules.emitted(line) for line in lines)
    return [
        ("dix,exj,dkl,emn->ijklmn", rules.along(one, b, c)),
        ("eix,dxj,dkl,emn->ijklmn", rules.along(one, c, b)),
        ("dij,dkx,exl,emn->ijklmn", rules.along(two, a, c)),
        ("dij,ekx,dxl,emn->ijklmn", rules.along(two, c, a)),
        ("dij,ekl,dmx,exn->ijklmn", rules.along(three, a, b)),
        ("dij,ekl,emx,dxn->ijklmn", rules.along(three, b, a)),
        ("dij,ekl,def,fmn->ijklmn", rules.along(three, rules.merged(a, b))),
    ]


KINDS: dict[tuple[int, int], Callable[[Rules, Sequence[Line], Sequence[Gluon]], list[Term]]] = {
    (1, 2): two_gluons,
    (1, 3): three_gluons,
    (2, 0): two_lines,
    (2, 1): two_lines_and_gluon,
    (3, 0): three_lines,
}


def squared(process: Process, momenta: Array, alpha_s: float, top_mass: float, top_width: float) -> float:
    """Return |M|^2 of one event, averaged."""
    masses, rules = process.masses(top_mass), Rules(np.sqrt(4 * np.pi * alpha_s))
    incoming = np.array([1 if leg < 2 else -1 for leg in range(len(masses))])[:, None] * momenta
    external = [states(particle.name, momenta[leg], masses[leg], leg < 2) for leg, particle in enumerate(process.particles)]
    values = []
    for state in itertools.product(*external):
        value: dict[tuple[str, tuple[int, ...]], complex] = {}
        for exchanged, pairs in _pairings(process):
            lines = [
                Line(-incoming[i], incoming[j], state[i], state[j], masses[i], top_width if masses[i] else 0.0) for i, j in pairs
            ]
            axes = (*process.gluons(), *itertools.chain(*pairs))
            gluons = [(incoming[leg], state[leg]) for leg in process.gluons()]
            for colour, number in KINDS[len(lines), len(gluons)](rules, lines, gluons):
                value[colour, axes] = exchanged * number
        values.append(value)
    tensors = np.array([_tensor(*place).ravel() for place in values[0]])
    amplitudes = np.array([list(value.values()) for value in values]) @ tensors
    return float(np.sum(np.abs(amplitudes) ** 2)) / process.denominator


def _pairings(process: Process) -> list[tuple[float, list[tuple[int, int]]]]:
    """Return all ways to join ends of quark lines, with their signs."""
    rows, columns = process.quarks(), process.antiquarks()
    found = []
    for ends in itertools.permutations(range(len(columns))):
        if all(flavour == columns[end][1] for (_, flavour), end in zip(rows, ends, strict=True)):
            pairs = [(row, columns[end][0]) for (row, _), end in zip(rows, ends, strict=True)]
            found.append((float(np.linalg.det(np.eye(len(ends))[list(ends)])), pairs))
    return found


def _tensor(colour: str, axes: tuple[int, ...]) -> Array:
    """Return a tensor of colour with axes in order of legs; of letters a to h only is f, with others T."""
    factors = [structure() if set(part) <= set("abcdefgh") else generators() for part in colour.split("->")[0].split(",")]
    tensor: Array = np.einsum(colour, *factors, optimize=True)
    return tensor.transpose(np.argsort(axes))
