"""The oracle obeys what is known of QCD amplitudes: gauge and Lorentz invariance, symmetries, soft and collinear limits."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics import phase_space, singular
from ngtbench.physics.processes import Process, parse
from ngtbench.workloads.generators import _colour, _dressed, _oracle
from ngtbench.workloads.generators._dressed import Theory

ENERGY_GEV = 1500.0
THEORY = Theory()
SUPPORTED = (
    *("g g > t t~", "g g > t t~ g", "g g > t t~ g g", "u u~ > t t~", "u u~ > t t~ g", "u u~ > t t~ g g", "g u > t t~ u"),
    *("u u~ > t t~ c c~", "u u~ > t t~ u u~", "g g > g g", "g g > g g g", "g g > g g g g"),
)


def points(process: Process, events: int, seed: int) -> Array:
    momenta, _ = phase_space.momenta(process.masses(THEORY.top_mass)[2:], ENERGY_GEV, events, seed)
    return momenta


def summed(process: Process, momenta: Array, legs: list[Array]) -> Array:
    """Return the sum of |M|^2 over colours and the states given."""
    colours = _colour.points(process)
    values = colours.weights @ _dressed.amplitudes(process, momenta, legs, colours.colours, THEORY)
    total: Array = np.sum(np.abs(values) ** 2, axis=(1, 2))
    return total


@pytest.mark.parametrize("text", [*(text for text in SUPPORTED if "g" in text), "g g > t t~ g g g"])
def test_longitudinal_gluons_decouple(text: str) -> None:
    process = parse(text)
    momenta = points(process, 1, 1)
    legs = _dressed.states(process, momenta, THEORY)
    for gluon in {process.gluons()[0], process.gluons()[-1]}:  # others are like these, says a test below
        along = momenta[:, gluon] / momenta[:, gluon, :1]
        longitudinal = [*legs[:gluon], np.stack((along, along), axis=1) + 0j, *legs[gluon + 1 :]]
        assert summed(process, momenta, longitudinal)[0] < 1e-22 * summed(process, momenta, legs)[0]


def test_longitudinal_gluons_do_not_decouple_with_a_width() -> None:
    """Else a width would not have been in the propagators, and polarisations could be anything."""
    process, theory = parse("g g > t t~ g"), Theory(top_width=1.4915)
    momenta, colours = points(process, 1, 1), _colour.points(parse("g g > t t~ g"))
    legs = _dressed.states(process, momenta, theory)
    shifted = [legs[0] + momenta[:, None, 0] / ENERGY_GEV, *legs[1:]]
    one, other = (_dressed.amplitudes(process, momenta, each, colours.colours, theory) for each in (legs, shifted))
    assert 1e-8 < np.abs(one - other).max() / np.abs(one).max() < 1e-2


@pytest.mark.parametrize("text", SUPPORTED)
def test_boosts_and_rotations_change_nothing(text: str) -> None:
    process = parse(text)
    momenta, rng = points(process, 1, 2), np.random.default_rng(2)
    velocity = rng.normal(size=3)
    velocity *= 0.6 / np.linalg.norm(velocity)
    gamma = 1 / np.sqrt(1 - velocity @ velocity)
    boost = np.eye(4)
    boost[0, 0], boost[0, 1:], boost[1:, 0] = gamma, gamma * velocity, gamma * velocity
    boost[1:, 1:] += (gamma - 1) * np.outer(velocity, velocity) / (velocity @ velocity)
    rotation = np.eye(4)
    rotation[1:, 1:], _ = np.linalg.qr(rng.normal(size=(3, 3)))  # or a reflection: QCD conserves parity
    want = _oracle.by_diagrams(process, momenta, THEORY)
    np.testing.assert_allclose(_oracle.by_diagrams(process, momenta @ boost.T @ rotation.T, THEORY), want, rtol=1e-10)


@pytest.mark.parametrize("text", [*SUPPORTED, "u~ u > t g t~ g", "g c~ > t c~ t~", "d u~ > d u~ g"])
def test_order_of_particles_changes_nothing(text: str) -> None:
    process, theory = parse(text), Theory(top_width=1.4915)
    momenta, rng = points(process, 1, 3), np.random.default_rng(3)
    order = [*(1, 0), *(2 + rng.permutation(len(process.outgoing)))]
    names = [process.particles[leg].name for leg in order]
    other = parse(" ".join(names[:2]) + " > " + " ".join(names[2:]))
    want = _oracle.by_diagrams(process, momenta, theory)
    np.testing.assert_allclose(_oracle.by_diagrams(other, momenta[:, order], theory), want, rtol=1e-11)


@pytest.mark.parametrize(("text", "other"), [("u u~ > t t~ c c~", "d d~ > t t~ s s~"), ("g u > t t~ u", "g c~ > t t~ c~")])
def test_flavour_and_charge_change_nothing(text: str, other: str) -> None:
    """Charge conjugation exchanges t and t~ too, so their sum is looked at."""
    process, conjugate = parse(text), parse(other)
    momenta = points(process, 2, 4)
    exchanged = momenta[:, [0, 1, 3, 2, *range(4, momenta.shape[1])]]
    want, got = (sum(_oracle.by_diagrams(each, k, THEORY) for k in (momenta, exchanged)) for each in (process, conjugate))
    np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("text", ["g g > g g", "g g > g g g", "g g > g g g g"])
def test_gluons_of_one_helicity_vanish(text: str) -> None:
    """All outgoing, or turned around, all of one helicity, or all but one: 0. With two of the other: not 0, but MHV."""
    process = parse(text)
    momenta, colours, count = points(process, 1, 5), _colour.points(process).colours, len(process.particles)
    values = _dressed.amplitudes(process, momenta, _dressed.states(process, momenta, THEORY), colours, THEORY)
    sizes = np.abs(values[0]).max(axis=0).reshape((2,) * count)[::-1, ::-1]  # + of an incoming gluon is - of an outgoing one
    scale = sizes.max()
    for helicities in itertools.product((0, 1), repeat=count):
        if min(sum(helicities), count - sum(helicities)) < 2:
            assert sizes[helicities] < 1e-12 * scale
        elif sum(helicities) in (2, count - 2):
            assert sizes[helicities] > 1e-6 * scale


def test_massless_lines_conserve_helicity() -> None:
    process = parse("u u~ > t t~ g")
    momenta, colours = points(process, 1, 6), _colour.points(process).colours
    values = _dressed.amplitudes(process, momenta, _dressed.states(process, momenta, THEORY), colours, THEORY)
    sizes = np.abs(values[0]).max(axis=0).reshape(2, 2, 8)
    assert max(sizes[0, 0].max(), sizes[1, 1].max()) < 1e-14 * sizes.max()
    assert min(sizes[0, 1].min(), sizes[1, 0].min()) > 1e-4 * sizes.max()


def charge(process: Process, leg: int, amplitude: Array) -> Array:
    """Return T^c_leg A of an amplitude with one axis of colour for each leg, the rest after them: index c first."""
    if leg in process.gluons():
        matrices = 1j * _colour.structure().transpose(1, 0, 2)  # (T^c)_ab = i f^{acb}
    elif leg in (row for row, _ in process.quarks()):
        matrices = _colour.generators()
    else:
        matrices = -_colour.generators().swapaxes(1, 2)
    return np.moveaxis(np.tensordot(matrices, amplitude, axes=(2, leg)), 1, leg + 1)


def everywhere(process: Process, momenta: Array) -> Array:
    """Return i M of one event at all colours, an axis for each leg and one for the helicities."""
    counts = [particle.colours for particle in process.particles]
    colours = np.indices(counts).reshape(len(counts), -1).T
    values = _dressed.amplitudes(process, momenta, _dressed.states(process, momenta, THEORY), colours, THEORY)
    return values.reshape(*counts, -1)


@pytest.mark.parametrize("text", ["g g > t t~", "u u~ > t t~", "g g > g g"])
def test_soft_gluon_factorises(text: str) -> None:
    """|M|^2 tends to -g^2 sum_ij p_i.p_j / (p_i.k p_j.k) <M| T_i.T_j |M>; and the sum of charges is 0."""
    process, more = parse(text), parse(text + " g")
    momenta = points(process, 1, 7)
    amplitude, legs = everywhere(process, momenta), range(len(process.particles))
    charges = [charge(process, leg, amplitude) for leg in legs]
    assert np.abs(sum(charges)).max() < 1e-14 * np.abs(amplitude).max()
    direction = np.array((1.0, 0.48, -0.6, 0.64))
    metric = np.diag((1.0, -1.0, -1.0, -1.0))
    p = momenta[0]
    eikonal = [[p[i] @ metric @ p[j] / ((p[i] @ metric @ direction) * (p[j] @ metric @ direction)) for i in legs] for j in legs]
    want = -sum(eikonal[j][i] * np.vdot(charges[i], charges[j]).real for i in legs for j in legs) * THEORY.coupling**2
    masses = np.array(more.masses(THEORY.top_mass)[2:])
    off = []
    for energy in (1e-2, 1e-3):
        vectors = np.concatenate((p[2:, 1:], energy * direction[None, 1:]))[None]
        outgoing = phase_space.on_shell(phase_space.balanced(vectors), masses, np.array(ENERGY_GEV))
        k = phase_space.with_beams(outgoing, ENERGY_GEV)
        got = _oracle.by_diagrams(more, k, THEORY)[0] * more.denominator * outgoing[0, -1, 0] ** 2
        off.append(abs(got / want - 1))
    assert off[1] < 1e-4 and off[1] < 0.2 * off[0]  # what is left is of the order of the energy


CA, CF, TF = 3.0, 4 / 3, 1 / 2
SPLITTINGS: list[tuple[str, str, Callable[[float], float]]] = [
    ("u u~ > t t~ g", "u u~ > t t~ g g", lambda z: 2 * CA * (z / (1 - z) + (1 - z) / z + z * (1 - z))),
    ("u u~ > t t~ g", "u u~ > t t~ c c~", lambda z: TF * (1 - 2 * z * (1 - z))),
    ("g u > t t~ u", "g u > t t~ u g", lambda z: CF * (1 + z * z) / (1 - z)),
    ("g g > g g", "g g > g g g", lambda z: 2 * CA * (z / (1 - z) + (1 - z) / z + z * (1 - z))),
]


@pytest.mark.parametrize(("text", "split", "kernel"), SPLITTINGS)
def test_collinear_particles_factorise(text: str, split: str, kernel: Callable[[float], float]) -> None:
    """|M|^2, averaged over the azimuth of the last two about their sum, tends to 2 g^2 / s_ij P(z) |M'|^2."""
    process, more, z = parse(text), parse(split), 0.3
    momenta = points(process, 1, 8)
    parent = momenta[0, -1, 1:]
    one = np.cross(parent, (0.0, 0.0, 1.0))
    one /= np.linalg.norm(one)
    two = np.cross(parent, one) / np.linalg.norm(parent)
    masses = np.array(more.masses(THEORY.top_mass)[2:])
    want = _oracle.by_diagrams(process, momenta, THEORY)[0] * process.denominator * 2 * THEORY.coupling**2 * kernel(z)
    off = []
    for across in (3.0, 0.3):
        turns = np.arange(4) * np.pi / 2 + 0.4  # any function of first and second harmonics averages out
        sideways = across * (np.cos(turns)[:, None] * one + np.sin(turns)[:, None] * two)
        rest = np.broadcast_to(momenta[0, 2:-1, 1:], (4, len(masses) - 2, 3))
        pair = np.stack((z * parent + sideways, (1 - z) * parent - sideways), axis=1)
        outgoing = phase_space.on_shell(np.concatenate((rest, pair), axis=1), masses, np.array(ENERGY_GEV))
        i, j = outgoing[:, -2], outgoing[:, -1]
        invariant = 2 * (i[:, 0] * j[:, 0] - np.sum(i[:, 1:] * j[:, 1:], axis=-1))
        values = _oracle.by_diagrams(more, phase_space.with_beams(outgoing, ENERGY_GEV), THEORY) * more.denominator
        off.append(abs(np.mean(values * invariant) / want - 1))
    assert off[1] < 1e-4 and off[1] < 0.1 * off[0]


@pytest.mark.skipif(bool(np.finfo(np.longdouble).eps > 1e-17), reason="this machine's long double is no longer than double")
@pytest.mark.parametrize("text", ["g g > t t~ g", "u u~ > t t~ g g", "g u > t t~ u", "g g > g g g"])
def test_rounding_is_small(text: str) -> None:
    """Against long double: double loses few digits, near singularities too."""
    process = parse(text)
    plain = points(process, 4, 9)
    near = singular.singular(process.masses(THEORY.top_mass)[2:], ENERGY_GEV, 8, 9, 1e-6)
    for momenta, bound in ((plain, 1e-12), (near, 1e-9)):
        want = _oracle.by_diagrams(process, momenta.astype(np.longdouble), THEORY)
        assert want.dtype == np.longdouble
        got = _oracle.by_diagrams(process, momenta, THEORY).astype(np.longdouble)
        assert np.max(np.abs(got / want - 1)) < bound
