"""What squared matrix elements do not depend on: the frame, which identical gluon is which, the order of names."""

import itertools

import numpy as np
import pytest

from ngtbench.kernels.amplitudes.evaluate import matrix_element_squared
from ngtbench.model.workload import Array
from ngtbench.physics import phase_space, processes
from tests.unit.system import conftest

host = conftest.host
pytestmark = pytest.mark.usefixtures("host")
W, TOP, EVENTS = 1500.0, 173.0, 16
SMALL = ["g g > t t~", "g g > t t~ g", "u u~ > t t~ g", "g u > t t~ u", "u u~ > t t~ c c~", "u u~ > t t~ u u~", "g g > g g g"]
LARGE = ["g g > t t~ g g", "u u~ > t t~ g g", "g g > g g g g"]
WIDTHS = (0.0, 20.0)  # a large one shows


def points(text: str) -> Array:
    return phase_space.momenta(processes.parse(text).masses(TOP)[2:], W, EVENTS, 9)[0]


def same(text: str, momenta: Array, other: str, moved: Array, width: float = 0.0, bound: float = 1e-11) -> None:
    first, second = (matrix_element_squared(t, p, top_width=width) for t, p in ((text, momenta), (other, moved)))
    np.testing.assert_allclose(second, first, rtol=bound)


def boost(velocity: Array) -> Array:
    """Return the matrix that gives what rests this velocity, in units of that of light."""
    gamma, matrix = 1 / np.sqrt(1 - velocity @ velocity), np.eye(4)
    matrix[0, 0], matrix[0, 1:], matrix[1:, 0] = gamma, gamma * velocity, gamma * velocity
    matrix[1:, 1:] += (gamma - 1) * np.outer(velocity, velocity) / (velocity @ velocity)
    return matrix


def rotation(seed: int) -> Array:
    matrix = np.eye(4)
    turned, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    matrix[1:, 1:] = turned * np.linalg.det(turned)
    return matrix


@pytest.mark.parametrize("text", SMALL + LARGE)
def test_boosts_without_a_width(text: str) -> None:
    momenta = points(text)
    for velocity in ((0.0, 0.0, 0.6), (0.3, -0.5, 0.2), (-0.9, 0.1, 0.2)):
        same(text, momenta, text, momenta @ boost(np.array(velocity)).T)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("text", SMALL + LARGE)
def test_rotations_and_reflections(text: str, width: float) -> None:
    momenta = points(text)
    for seed in (1, 2):
        same(text, momenta, text, momenta @ rotation(seed).T, width)
    for axis in (1, 3):
        same(text, momenta, text, momenta * np.where(np.arange(4) == axis, -1.0, 1.0), width)


def test_boosts_are_seen_where_a_width_breaks_gauge_invariance() -> None:
    momenta = points("g g > t t~ g")
    moved = momenta @ boost(np.array((0.3, -0.5, 0.2))).T
    first, second = (matrix_element_squared("g g > t t~ g", p, top_width=20.0) for p in (momenta, moved))
    assert np.abs(second / first - 1).max() > 1e-7


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("text", ["g g > t t~", "g g > t t~ g", *LARGE, "g g > g g g", "u u~ > t t~ g"])
def test_identical_gluons_may_be_swapped(text: str, width: float) -> None:
    momenta, process = points(text), processes.parse(text)
    for side in ([0, 1], range(2, len(process.particles))):
        legs = [leg for leg in side if process.particles[leg].gluon]
        for pair in list(itertools.combinations(legs, 2))[:4]:
            order = list(range(len(process.particles)))
            order[pair[0]], order[pair[1]] = order[pair[1]], order[pair[0]]
            same(text, momenta, text, momenta[:, order], width)


ORDERS = {
    "g g > t t~ g": ["g g > g t t~", "g g > t g t~", "g g > t~ t g", "g g > g t~ t"],
    "u u~ > t t~ g": ["u~ u > t t~ g", "u~ u > g t~ t"],
    "g u > t t~ u": ["u g > t t~ u", "g u > u t~ t"],
    "u u~ > t t~ c c~": ["u~ u > c c~ t t~", "u u~ > c~ t~ t c"],
    "u u~ > t t~ u u~": ["u u~ > u~ t t~ u", "u~ u > u t~ u~ t"],
    "g g > t t~ g g": ["g g > g t g t~"],
}


@pytest.mark.parametrize("text", ORDERS)
def test_particles_are_named_in_any_order(text: str) -> None:
    momenta, names = points(text), text.replace(">", "").split()
    for other in ORDERS[text]:
        order, left = [], list(enumerate(names))
        for k, name in enumerate(other.replace(">", "").split()):
            found = next(one for one in left if one[1] == name and (one[0] < 2) == (k < 2))
            left.remove(found)
            order.append(found[0])
        same(text, momenta, other, momenta[:, order], WIDTHS[1])


@pytest.mark.parametrize(
    ("text", "other"),
    [("g u > t t~ u", "g u~ > t~ t u~"), ("u u~ > t t~ g", "u~ u > t~ t g"), ("u u~ > t t~ u u~", "u~ u > t~ t u~ u")],
)
def test_particles_and_antiparticles_are_alike(text: str, other: str) -> None:
    same(text, points(text), other, points(text), WIDTHS[1])


def test_flavours_of_massless_quarks_are_alike() -> None:
    for text, other in (("u u~ > t t~ c c~", "s s~ > t t~ d d~"), ("u u~ > t t~ g", "d d~ > t t~ g")):
        same(text, points(text), other, points(text), WIDTHS[1], bound=1e-14)
    first, second = (matrix_element_squared(text, points(text)) for text in ("u u~ > t t~ c c~", "u u~ > t t~ u u~"))
    assert np.abs(first / second - 1).min() > 1e-6


@pytest.mark.parametrize("text", SMALL)
def test_dimension_and_power_of_the_coupling(text: str) -> None:
    momenta, count = points(text), len(processes.parse(text).particles)
    once = matrix_element_squared(text, momenta, alpha_s=0.1, top_width=2.0)
    scaled = matrix_element_squared(text, 4 * momenta, alpha_s=0.3, top_mass=4 * TOP, top_width=8.0)
    np.testing.assert_allclose(scaled, once * 4.0 ** (8 - 2 * count) * 3.0 ** (count - 2), rtol=1e-13)
