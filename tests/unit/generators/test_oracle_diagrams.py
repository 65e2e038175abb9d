"""The oracle against Feynman diagrams written out one by one, and against closed forms."""

import numpy as np
import pytest

from ngtbench.physics import phase_space
from ngtbench.physics.processes import parse
from ngtbench.workloads.generators import _closed, _oracle
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


def test_width_acts_in_top_propagators_only() -> None:
    momenta, _ = phase_space.momenta((0.0, 0.0, 0.0), ENERGY_GEV, 3, seed=4)
    light = parse("g u > g u g")
    np.testing.assert_array_equal(_oracle.squared(light, momenta, top_width=5.0), _oracle.squared(light, momenta))
    top = parse("g g > t t~")
    momenta, _ = phase_space.momenta((173.0, 173.0), ENERGY_GEV, 3, seed=5)
    assert np.all(_oracle.squared(top, momenta, top_width=5.0) != _oracle.squared(top, momenta))
