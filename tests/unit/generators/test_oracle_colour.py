"""Sums over colours from a few explicit colours are exact, and colour is conserved."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics import phase_space
from ngtbench.physics.processes import Process, parse
from ngtbench.workloads.generators import _colour, _dressed, _oracle
from ngtbench.workloads.generators._dressed import Theory

THEORY = Theory(top_width=1.4915)
RANKS = {
    "g g > t t~": 2,
    "g g > t t~ g": 6,
    "g g > t t~ g g": 24,
    "u u~ > t t~": 2,
    "u u~ > t t~ g": 4,
    "u u~ > t t~ g g": 12,
    "g u > t t~ u": 4,
    "u u~ > t t~ u u~": 6,
    "g g > g g": 2,
    "g g > g g g": 6,
    "g g > g g g g": 24,
}


def event(process: Process, seed: int) -> Array:
    momenta, _ = phase_space.momenta(process.masses(THEORY.top_mass)[2:], 1500.0, 1, seed)
    return momenta


def everywhere(process: Process, fixed: int | None = None) -> Iterator[Array]:
    """Yield all colours of all legs, some at a time; only colour 0 of leg `fixed`."""
    counts = [1 if leg == fixed else particle.colours for leg, particle in enumerate(process.particles)]
    colours = np.indices(counts).reshape(len(counts), -1).T
    yield from np.array_split(colours, -(-len(colours) // 512))


def amplitudes(process: Process, momenta: Array, colours: Array) -> Array:
    return _dressed.amplitudes(process, momenta, _dressed.states(process, momenta, THEORY), colours, THEORY)


def test_generators_are_su3() -> None:
    t, f = _colour.generators(), _colour.structure()
    np.testing.assert_allclose(np.einsum("aij,bji->ab", t, t), np.eye(8) / 2, atol=1e-15)
    np.testing.assert_allclose(t, t.conj().swapaxes(1, 2))
    np.testing.assert_allclose(np.einsum("aii->a", t), 0, atol=1e-15)
    commutator = np.einsum("aij,bjk->abik", t, t) - np.einsum("bij,ajk->abik", t, t)
    np.testing.assert_allclose(commutator, 1j * np.einsum("abc,cik->abik", f, t), atol=1e-15)


@pytest.mark.parametrize("text", ["g g > t t~", "g g > g g", "u u~ > t t~", "u u~ > t t~ u u~", "u u~ > t t~ g", "u u~ > g g"])
def test_sum_is_that_over_all_colours(text: str) -> None:
    process = parse(text)
    momenta = event(process, 1)
    total = sum(np.sum(np.abs(amplitudes(process, momenta, colours)) ** 2) for colours in everywhere(process))
    got = _oracle.by_diagrams(process, momenta, THEORY)
    np.testing.assert_allclose(got, total / process.denominator, rtol=1e-12)


@pytest.mark.parametrize(("text", "fixed"), [("g g > t t~ g", 2), ("g g > t t~ g", 0)])
def test_sum_does_not_depend_on_colour_of_one_leg(text: str, fixed: int) -> None:
    process = parse(text)
    momenta = event(process, 2)
    part = sum(np.sum(np.abs(amplitudes(process, momenta, colours)) ** 2) for colours in everywhere(process, fixed))
    want = part * process.particles[fixed].colours / process.denominator
    np.testing.assert_allclose(_oracle.by_diagrams(process, momenta, THEORY), want, rtol=1e-12)


@pytest.mark.parametrize("text", RANKS)
def test_points_determine_amplitudes_at_other_colours(text: str) -> None:
    """Any amplitude, at any colours, follows from those at the points: so tensors of diagrams are in the space assumed."""
    process = parse(text)
    points, momenta = _colour.points(process), event(process, 3)
    assert len(points.colours) == RANKS[text]
    assert np.linalg.norm(points.weights, 2) < 100  # well determined: rounding grows little
    rng = np.random.default_rng(3)
    counts = [particle.colours for particle in process.particles]
    others = np.stack([rng.integers(count, size=4000) for count in counts], axis=-1)
    tensors = [(tensor[tuple(points.colours.T)], tensor[tuple(others.T)]) for tensor in _colour.tensors(process)]
    at_points, at_others = (np.stack(values, axis=-1) for values in zip(*tensors, strict=True))
    used = np.flatnonzero(np.linalg.norm(at_others, axis=1))[:12]  # colour is conserved at few
    coefficients, *_ = np.linalg.lstsq(at_points, amplitudes(process, momenta, points.colours)[0], rcond=1e-10)
    got, want = at_others[used] @ coefficients, amplitudes(process, momenta, others[used])[0]
    np.testing.assert_allclose(got, want, atol=1e-11 * np.abs(want).max())
    none = np.setdiff1d(np.arange(len(others)), np.flatnonzero(np.linalg.norm(at_others, axis=1)))[:12]
    assert np.abs(amplitudes(process, momenta, others[none])).max(initial=0) < 1e-12 * np.abs(want).max()


def test_weights_sum_any_combination_of_tensors() -> None:
    process = parse("g g > t t~ g g")
    points = _colour.points(process)
    tensors = np.stack([tensor.take(0, axis=0).ravel() for tensor in _colour.tensors(process)], axis=-1)
    at_points = np.stack([tensor[tuple(points.colours.T)] for tensor in _colour.tensors(process)], axis=-1)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        coefficients = rng.normal(size=24) + 1j * rng.normal(size=24)
        want = 8 * np.sum(np.abs(tensors @ coefficients) ** 2)
        got = np.sum(np.abs(points.weights @ at_points @ coefficients) ** 2)
        assert got == pytest.approx(want, rel=1e-12)


def test_chains_have_the_traces_that_algebra_gives() -> None:
    """tr(T^a T^b T^b T^a) = 16/3, tr(T^a T^b T^a T^b) = -2/3, and f^{acd} f^{bcd} = 3 delta^{ab}, T_F = 1/2."""
    first, second = (tensor for tensor in _colour.tensors(parse("g g > t t~")))
    assert np.vdot(first, first).real == pytest.approx(16 / 3)
    assert np.vdot(first, second).real == pytest.approx(-2 / 3)
    f = _colour.structure()
    np.testing.assert_allclose(np.einsum("acd,bcd->ab", f, f), 3 * np.eye(8), atol=1e-14)
    for order in itertools.permutations(range(3)):
        sign = np.linalg.det(np.eye(3)[list(order)])
        np.testing.assert_allclose(f.transpose(order), sign * f, atol=1e-15)
