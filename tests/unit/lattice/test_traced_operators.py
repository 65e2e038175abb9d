"""Bodies of the lattice kernels, on NumPy arrays as they are written and compiled, against formulas of other text.

Tolerances are those of the workloads, of the rms: 1e-12 and 3e-6, twice as much with a clover term, 8 sqrt(eps) with 8 reals.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen.engine import Engine, engine
from ngtbench.codegen.kernel import evaluate
from ngtbench.errors import Unavailable
from ngtbench.kernels.lattice import hopping, layout, staggering, steps
from ngtbench.kernels.lattice.compiled import lattice as lattice_on
from ngtbench.model.workload import Array
from ngtbench.physics import lattice
from ngtbench.physics.lattice import Shape
from ngtbench.workloads.lattice import _wilson
from tests.unit.lattice.formulas import MAKE, PERIODIC, TOLERANCE, TWISTED, Problem, hopped, links_of, random, real

EIGHT = dict(_wilson.EIGHT)
SHAPES: tuple[Shape, ...] = ((4, 4, 4, 4), (3, 5, 2, 4), (1, 3, 2, 4))
ALIKE = ("odd", "even", "overlap", "update", "cg-", "bicgstab")  # in float32 no more is to be seen of these
COMPILED = [
    *((name, "float64") for name in MAKE),
    *((name, "float32") for name in MAKE if not any(word in name for word in ALIKE)),
]


def close(got: Array, want: Array, dtype: str, problem: Problem) -> None:
    assert got.shape == want.shape
    tolerance = EIGHT[dtype] if problem.eight else 2 * TOLERANCE[dtype] if "term" in problem.fields else TOLERANCE[dtype]
    assert np.abs(got - want).max() <= tolerance * np.sqrt(np.mean(want**2))


def test_every_kernel_is_here() -> None:
    made = {MAKE[name](SHAPES[2], "float64").kernel for name in MAKE}
    assert made == {*hopping.KERNELS, *staggering.KERNELS, *steps.KERNELS} - {hopping.WILSON_HALF}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", MAKE)
def test_the_body_is_the_formula(name: str, shape: Shape, dtype: str) -> None:
    problem = MAKE[name](shape, dtype)
    given = {one: reals.astype(dtype).T.reshape(-1, *shape) for one, reals in problem.fields.items()}
    found = evaluate(problem.kernel, given, problem.scalars)
    for one, want in problem.want.items():
        assert found[one].dtype == dtype
        close(found[one].reshape(len(found[one]), -1).T, want, dtype, problem)
    for one, total in problem.sums.items():
        assert found[one] == pytest.approx(total, rel=10 * TOLERANCE[dtype], abs=10 * TOLERANCE[dtype] * want.size)
    assert set(problem.sums) == set(problem.kernel.sums)


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Engine]]:
    """Return a function that gives the host's engine for a dtype; kernels are compiled into a folder of this file's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))

        def of(dtype: str) -> Engine:
            try:
                return engine("native", dtype, 2)
            except Unavailable as error:
                pytest.skip(str(error))

        yield of


@pytest.mark.parametrize(("name", "dtype"), COMPILED)
def test_what_is_compiled_is_the_formula(name: str, dtype: str, on: Callable[[str], Engine]) -> None:
    for shape in SHAPES if dtype == "float64" else SHAPES[:1]:
        problem, grid = MAKE[name](shape, dtype), lattice_on(shape, on(dtype))
        there = {one: grid.put(reals) for one, reals in problem.fields.items()}
        for written in problem.kernel.fields:
            if written.access == "out":
                there[written.name] = grid.empty(1, written.components)
                there[written.name].fill(np.nan)
        bound = grid.bind(problem.kernel, there, "all", {})
        bound.scalars[:, : len(problem.scalars)] = [problem.scalars[one] for one in problem.kernel.scalars]
        sums = bound.sums()[0]
        for one, want in problem.want.items():
            close(grid.grid.unpack(there[one])[0], want, dtype, problem)
        for k, one in enumerate(problem.kernel.sums):
            assert sums[k] == pytest.approx(problem.sums[one], rel=1e-11, abs=1e-11 * want.size)


@pytest.mark.parametrize("boundary", [(1j, 1, 1, -1), (1, 1, 1, 1j), (1, -1, 1, 1), TWISTED], ids=str)
@pytest.mark.parametrize("kept", [12, 8])
def test_phases_that_few_reals_cannot_keep_are_refused(kept: int, boundary: Any) -> None:
    links = lattice.random_links((2, 2, 2, 2), 1)
    with pytest.raises(Unavailable, match=rf"links in {kept} reals take .*boundary phases.*keep 18 reals"):
        layout.links(links, boundary, kept)
    if any(np.imag(phase) for phase in boundary):
        with pytest.raises(Unavailable, match=rf"links in {kept} reals take real boundary phases"):
            layout.staggered_links(links, boundary, kept)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_unit_links_cannot_be_kept_in_8_reals(dtype: str) -> None:
    unit = lattice.unit_links((2, 2, 2, 2)).astype(np.result_type(dtype, np.complex64))
    one = lattice.random_links((2, 2, 2, 2), 1).astype(unit.dtype)
    assert layout.links(one, PERIODIC, 8)["links"].shape == (16, 32)
    one[2, 1, 0, 1, 1] = np.eye(3)
    for links in (unit, one):
        for pack in (layout.links, layout.staggered_links):
            with pytest.raises(Unavailable, match=r"a link rebuilt from 8 reals is off by .*keep 12 or 18 reals"):
                pack(links, PERIODIC, 8)
    assert layout.links(unit, PERIODIC, 12)["links"].shape == (16, 48)


def test_links_that_are_not_of_su3_are_caught() -> None:
    shape: Shape = (2, 2, 2, 4)
    links, psi = 3 * lattice.random_links(shape, 1), random(shape, 1, "float64")
    want = real(hopped(links, psi, PERIODIC))
    for kept, kernel in ((18, hopping.WILSON), (12, hopping.WILSON_12)):
        fields = {**layout.links(links, PERIODIC, kept), "psi": real(psi)}
        got = evaluate(kernel, {name: reals.T.reshape(-1, *shape) for name, reals in fields.items()})["out"]
        off = np.abs(got.reshape(24, -1).T - want).max() / np.sqrt(np.mean(want**2))
        assert off < 1e-12 if kept == 18 else off > 0.1
    with pytest.raises(Unavailable, match="off by"):
        layout.links(links, PERIODIC, 8)


def test_links_whose_phases_are_extreme_are_rebuilt_from_8_reals() -> None:
    links = lattice.random_links((2, 2, 2, 4), 1)
    for corner, row in ((0, 0), (1, 2)):  # a1, then c1, at an angle of pi: other rows and columns keep the determinant
        turn = -links[corner, 0, 0, 0, 0, row, 0].conj() / abs(links[corner, 0, 0, 0, 0, row, 0])
        links[corner, 0, 0, 0, 0, :, 0] *= turn
        links[corner, 0, 0, 0, 0, :, 1] *= turn.conj()
        assert np.angle(links[corner, 0, 0, 0, 0, row, 0]) == pytest.approx(np.pi) or np.angle(
            links[corner, 0, 0, 0, 0, row, 0]
        ) == pytest.approx(-np.pi)
    psi = random((2, 2, 2, 4), 1, "float64")
    fields = {**layout.links(links, PERIODIC, 8), "psi": real(psi)}
    got = evaluate(hopping.WILSON_8, {name: reals.T.reshape(-1, 2, 2, 2, 4) for name, reals in fields.items()})["out"]
    want = real(hopped(links, psi, PERIODIC))
    assert np.abs(got.reshape(24, -1).T - want).max() <= EIGHT["float64"] * np.sqrt(np.mean(want**2))


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_whole_numbers_of_16_bits_are_off_by_their_rounding(dtype: str, on: Callable[[str], Engine]) -> None:
    shape: Shape = (4, 3, 4, 4)
    links, psi = links_of(shape, dtype), random(shape, 1, dtype)
    psi[0] *= 1e-6  # each site has a scale of its own
    psi[1:4] = 0
    want = real(hopped(links, psi, TWISTED))
    numbers, scale = layout.whole(real(psi)[None].astype(dtype))
    fields = {"links": layout.units(layout.links(links, TWISTED, 18)["links"]), "psi": numbers[0], "scale": scale[0]}
    given = {name: array.astype(np.float64).T.reshape(-1, *shape) for name, array in fields.items()}
    body = evaluate(hopping.WILSON_HALF, given)
    grid = lattice_on(shape, on(dtype))
    there = {name: grid.put(array) for name, array in fields.items()}
    there |= {"out": grid.empty(1, 24, dtype="int16"), "kept": grid.empty(1, 1)}
    grid.bind(hopping.WILSON_HALF, there, "all", {})()
    compiled = [grid.grid.unpack(there[name])[0].astype(np.float64) for name in ("out", "kept")]
    for out, kept in ([body[name].reshape(len(body[name]), -1).T for name in ("out", "kept")], compiled):
        assert np.abs(out).max() == 32767
        assert (kept > 0).all()
        off = np.abs(out * kept - want).reshape(*shape, 24)
        for x in (0, 1, 3):
            plane = want.reshape(*shape, 24)[x]
            assert 1e-6 < off[x].max() / np.sqrt(np.mean(plane**2)) < 2e-3
        assert not off[2].any()


def test_links_larger_than_one_do_not_fit_16_bits() -> None:
    links = layout.links(lattice.random_links((2, 2, 2, 2), 1), TWISTED, 18)["links"]
    assert np.abs(layout.units(np.array([1.0, -1.0, 1 + 1e-9]))).tolist() == [32767, 32767, 32767]
    for wrong in (3 * links, links * np.nan):
        with pytest.raises(Unavailable, match=r"links in 16 bits have elements up to 1.*keep 18 reals"):
            layout.units(wrong)
