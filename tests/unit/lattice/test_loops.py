"""Observables: values known by hand, gauge invariance, and the definitions walked link by link."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.lattice import average_plaquette, gauge_action, polyakov_loop, topological_charge
from ngtbench.model.workload import Array
from ngtbench.physics import lattice
from ngtbench.physics.lattice import Shape
from tests.unit.lattice.clover_checks import flux, flux_links, leaves, walked

SHAPE: Shape = (4, 2, 6, 8)
SITES = int(np.prod(SHAPE))
CENTRE = np.exp(2j * np.pi / 3)  # times 1: an element of SU(3)


def action_at_6(links: Array) -> float:
    return gauge_action(links, 6.0)


OBSERVABLES: tuple[Callable[[Array], complex], ...] = (average_plaquette, polyakov_loop, topological_charge, action_at_6)


def test_unit_links() -> None:
    links = lattice.unit_links(SHAPE)
    assert (average_plaquette(links), polyakov_loop(links)) == (1, 1)
    assert (gauge_action(links, 6.0), topological_charge(links)) == (0, 0)


@pytest.mark.parametrize("observable", OBSERVABLES, ids=lambda observable: observable.__name__)
def test_a_gauge_transform_changes_nothing(observable: Callable[[Array], complex]) -> None:
    links = lattice.formula_links(SHAPE, 0.8)
    moved = lattice.transform_links(links, lattice.formula_transform(SHAPE))
    before = observable(links)
    assert abs(before) > 1e-3
    assert observable(moved) == pytest.approx(before, rel=1e-11)


@pytest.mark.parametrize("mu", range(4))
def test_one_link_is_in_six_plaquettes(mu: int) -> None:
    links = lattice.unit_links(SHAPE)
    links[mu, 3, 1, 5, 7] *= CENTRE  # Re tr U_p / 3 = -1/2 where it goes
    assert average_plaquette(links) == pytest.approx(1 - 6 * 1.5 / (6 * SITES), rel=1e-14)
    assert gauge_action(links, 5.7) == pytest.approx(5.7 * 6 * 1.5, rel=1e-12)


@pytest.mark.parametrize("mu", range(4))
def test_only_the_last_direction_winds(mu: int) -> None:
    links = lattice.unit_links(SHAPE)
    links[mu].swapaxes(0, mu)[1] *= CENTRE  # every loop that winds around mu takes this factor
    assert polyakov_loop(links) == pytest.approx(CENTRE if mu == 3 else 1, rel=1e-14)
    assert average_plaquette(links) == pytest.approx(1, rel=1e-14)


def test_some_winding_lines() -> None:
    links = lattice.unit_links(SHAPE)
    links[3, 0, 0, 0, 2] *= CENTRE
    links[3, 1, 1, 4, 6] *= CENTRE.conjugate()
    links[3, 2, 0, 3, 0] *= CENTRE
    lines = 4 * 2 * 6
    assert polyakov_loop(links) == pytest.approx((lines - 3 + 2 * CENTRE + CENTRE.conjugate()) / lines, rel=1e-14)


def test_definitions_walked_link_by_link() -> None:
    shape: Shape = (2, 3, 2, 4)
    links = lattice.formula_links(shape, 0.8)
    planes = list(combinations(range(4), 2))
    traces = [np.trace(walked(links, site, leaves(mu, nu)[0])).real / 3 for site in np.ndindex(shape) for mu, nu in planes]
    assert average_plaquette(links) == pytest.approx(np.mean(traces), rel=1e-13)
    assert gauge_action(links, 6.0) == pytest.approx(6.0 * np.sum(1 - np.array(traces)), rel=1e-13)
    lines = [np.trace(walked(links, (*place, 0), [(3, 1)] * shape[3])) / 3 for place in np.ndindex(shape[:3])]
    assert polyakov_loop(links) == pytest.approx(np.mean(lines), rel=1e-12)


def strength(links: Array, site: tuple[int, ...], mu: int, nu: int) -> Array:
    q = np.asarray(sum(walked(links, site, walk) for walk in leaves(mu, nu)))
    return np.asarray(q - q.conj().T) / 8


def test_topological_charge_summed_over_all_orders() -> None:
    shape: Shape = (2, 3, 2, 4)
    links = lattice.formula_links(shape, 0.8)
    total = 0.0
    for site in np.ndindex(shape):
        f = {(mu, nu): -1j * strength(links, site, mu, nu) for mu in range(4) for nu in range(4) if mu != nu}
        for order in np.ndindex(4, 4, 4, 4):
            sign = np.linalg.det(np.eye(4)[list(order)])
            if sign:
                total += sign * np.trace(f[order[:2]] @ f[order[2:]]).real
    assert topological_charge(links) == pytest.approx(total / (32 * np.pi**2), rel=1e-11)


@pytest.mark.parametrize(
    ("first", "second", "sign"), [((0, 1), (2, 3), 1), ((0, 2), (1, 3), -1), ((0, 3), (1, 2), 1), ((1, 0), (2, 3), -1)]
)
def test_charge_of_a_constant_field(first: tuple[int, int], second: tuple[int, int], sign: int) -> None:
    """Colours of charge 1, -1, 0 in two planes: 2 n n', but for sin f in place of f."""
    shape: Shape = (6, 4, 8, 4)
    one, two = flux(shape, first, 1), flux(shape, second, 2)
    exact = 2 * sign * 1 * 2
    links = flux_links(shape, {first: 1, second: 2})
    assert topological_charge(links) == pytest.approx(exact * np.sin(one) / one * np.sin(two) / two, rel=1e-12)
    turns = ((1 + 2 * np.cos(one)) + (1 + 2 * np.cos(two))) / 3
    assert average_plaquette(links) == pytest.approx((4 + turns) / 6, rel=1e-13)


def test_single_precision_links_are_summed_in_double() -> None:
    links = lattice.formula_links(SHAPE, 0.8).astype(np.complex64)
    for observable in OBSERVABLES:
        assert observable(links) == observable(links.astype(np.complex128))


@pytest.mark.parametrize("observable", OBSERVABLES, ids=lambda observable: observable.__name__)
def test_they_say_what_is_wrong(observable: Callable[[Array], complex]) -> None:
    links = lattice.unit_links((2, 2, 2, 4))
    for bad, words in (
        (links.real, "links has dtype float64"),
        (links[:3], "give .4 directions"),
        (links[0], "shape"),
        (np.array(1j), "shape"),
        ([], "list"),
    ):
        with pytest.raises(BadInput, match=words):
            observable(bad)  # type: ignore[arg-type] # wrong on purpose
