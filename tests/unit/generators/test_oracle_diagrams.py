"""The oracle against Feynman diagrams written out one by one, and against closed forms."""

import itertools
from typing import Literal

import numpy as np
import pytest

from ngtbench.physics import phase_space
from ngtbench.physics.processes import parse
from ngtbench.workloads.generators import _closed, _oracle, _spinors
from ngtbench.workloads.generators._currents import Current, Line, close, meet, propagate
from ngtbench.workloads.generators._dressed import Theory
from tests.unit.generators import diagrams

ENERGY_GEV = 1500.0
WRITTEN = (
    "g g > t t~",
    "g g > t t~ g",
    "u u~ > t t~",
    "u~ u > t~ g t",
    "g u > t t~ u",
    "u~ g > t t~ u~",
    "u c > u c g",
    "u u~ > t t~ c c~",
    "u u~ > t t~ u u~",
    "u u > u u",
    "u u~ > u u~",
    "d d > t t~ d d",
    "u u~ > g g",
)
CLOSED = ("g g > g g", "g g > g g g", "g g > t t~", "g g > d d~", "u u~ > t t~", "c~ c > t~ t", "s s~ > u u~")


@pytest.mark.parametrize("width", [0.0, 1.4915])
@pytest.mark.parametrize("text", WRITTEN)
def test_agrees_with_diagrams(text: str, width: float) -> None:
    process, theory = parse(text), Theory(top_width=width)
    momenta, _ = phase_space.momenta(process.masses(theory.top_mass)[2:], ENERGY_GEV, 2, seed=1)
    want = [diagrams.squared(process, event, theory.alpha_s, theory.top_mass, width) for event in momenta]
    np.testing.assert_allclose(_oracle.by_diagrams(process, momenta, theory), want, rtol=1e-11)


@pytest.mark.parametrize("text", CLOSED)
def test_agrees_with_closed_form(text: str) -> None:
    process, theory = parse(text), Theory(alpha_s=0.2, top_mass=150.0)
    momenta, _ = phase_space.momenta(process.masses(theory.top_mass)[2:], ENERGY_GEV, 20, seed=2)
    want = _closed.squared(process, momenta, theory)
    assert want is not None
    np.testing.assert_allclose(_oracle.by_diagrams(process, momenta, theory), want, rtol=1e-11)
    np.testing.assert_array_equal(_oracle.squared(process, momenta, alpha_s=0.2, top_mass=150.0), want)


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("g g > t t~", 1.5),
        ("u u~ > u u~", 0.0),
        ("u c > u c", 0.0),
        ("g u > g u", 0.0),
        ("u u~ > g g", 0.0),
        ("g g > t t~ g", 0.0),
    ],
)
def test_has_no_closed_form(text: str, width: float) -> None:
    process, theory = parse(text), Theory(top_width=width)
    momenta, _ = phase_space.momenta(process.masses(theory.top_mass)[2:], ENERGY_GEV, 2, seed=3)
    assert _closed.squared(process, momenta, theory) is None
    want = _oracle.by_diagrams(process, momenta, theory)
    np.testing.assert_array_equal(_oracle.squared(process, momenta, top_width=width), want)


def test_vertex_of_three_gluons_is_symmetric() -> None:
    """For any currents, as those of top quarks with a width are not conserved."""
    rng = np.random.default_rng(6)
    momenta, fields = rng.normal(size=(3, 1, 4)), rng.normal(size=(3, 1, 1, 2, 32)) + 0j
    momenta[2] = -momenta[0] - momenta[1]
    gluons = [Current((leg,), "gluon", k, field) for leg, (k, field) in enumerate(zip(momenta, fields, strict=True))]
    values = []
    for one, other, third in itertools.permutations(gluons):
        met = meet(one, other, 1.2)
        assert met is not None
        values.append(close(met, third, 1.2))
    np.testing.assert_allclose(values, np.broadcast_to(values[0], np.shape(values)), atol=1e-13 * np.abs(values[0]).max())


@pytest.mark.parametrize("kind", ["row", "column"])
def test_propagator_of_a_quark(kind: Literal["row", "column"]) -> None:
    """Times (pslash - m): i (p^2 - m^2) / (p^2 - m^2 + i m Gamma); positive, so that tops decay. Sums of |M|^2 do not tell."""
    rng = np.random.default_rng(7)
    p, field = rng.normal(size=(1, 4)), rng.normal(size=(1, 1, 1, 12)) + 0j
    current = Current((0,), kind, -p if kind == "row" else p, field, Line(0, 1, 1.1, 0.3))
    inverse = (_spinors.slash(p) - 1.1 * np.eye(4))[0]
    spins = propagate(current).field.reshape(3, 4) @ (inverse if kind == "row" else inverse.T)
    off_shell = p[0, 0] ** 2 - np.sum(p[0, 1:] ** 2) - 1.1**2
    np.testing.assert_allclose(spins, 1j * off_shell / (off_shell + 1j * 1.1 * 0.3) * field.reshape(3, 4), rtol=1e-12)


def test_width_acts_in_top_propagators_only() -> None:
    momenta, _ = phase_space.momenta((0.0, 0.0, 0.0), ENERGY_GEV, 3, seed=4)
    light = parse("g u > g u g")
    np.testing.assert_array_equal(_oracle.squared(light, momenta, top_width=5.0), _oracle.squared(light, momenta))
    top = parse("g g > t t~")
    momenta, _ = phase_space.momenta((173.0, 173.0), ENERGY_GEV, 3, seed=5)
    assert np.all(_oracle.squared(top, momenta, top_width=5.0) != _oracle.squared(top, momenta))
