"""The solver workload: seeded inputs as hard as the formula's, every source judged, trials that say what they measured."""

import importlib
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.errors import NgtBenchError, WorkloadError
from ngtbench.harness.inputs import Flat, HostInputs
from ngtbench.harness.prepare import Stopwatch
from ngtbench.kernels.lattice import average_plaquette, solve, solve_wilson
from ngtbench.model.workload import Array, Setup, Trial
from ngtbench.physics import lattice
from ngtbench.workloads.lattice import solve as workload
from ngtbench.workloads.lattice.solve import Size

W = workload.WORKLOAD
SMALL = Size((4, 4, 2, 4), kappa=0.13, csw=1.0)
TWO = replace(SMALL, sources=2, csw=0.0)
LIBRARIES = ("cupy", "ngtbench.kernels.lattice.solve_cupy", "ngtbench.kernels.lattice.wilson_cupy")


def arrays(size: Size, dtype: str = "float64", seed: int = 1) -> dict[str, Array]:
    return {name: np.asarray(value) for name, value in HostInputs(workload.inputs(size, seed), dtype).wide().items()}


def trial(build: Any, size: Size, dtype: str = "float64") -> tuple[Trial, float]:
    """Return the second trial and its share of the watch's time."""
    backend = HostBackend("numpy", "cpu:0")
    made = {name: array.astype(np.complex64 if dtype == "float32" else complex) for name, array in arrays(size, dtype).items()}
    run, watch = build(Setup(size, dtype, "cpu:0", 1, 1, backend), **made), Stopwatch(backend)
    run(0, watch)
    before_s = watch.spent_s
    return run(1, watch), watch.spent_s - before_s


def judged(size: Size, x: Array, dtype: str = "float64") -> tuple[float, float]:
    views = {name: Flat(array) for name, array in arrays(size, dtype).items()}
    return workload.invariants(size, views, {"x": Flat(x)}, dtype)["residual"]


@pytest.mark.parametrize("dtype", W.tolerance)
@pytest.mark.parametrize("size", [SMALL, TWO], ids=["clover", "two sources"])
def test_trials_say_what_was_measured(size: Size, dtype: str) -> None:
    found, spent_s = trial(solve.cg, size, dtype)
    assert set(found.metrics) == {metric.name for metric in W.metrics}
    assert found.metrics["wall_s"] == pytest.approx(spent_s)
    assert found.metrics["wall_per_source_s"] == pytest.approx(spent_s / size.sources)
    assert found.outputs["x"].shape == arrays(size)["spinor"].shape
    value, bound = judged(size, found.outputs["x"], dtype)
    assert value == pytest.approx(found.metrics["true_residual"], rel=1e-4)
    assert value <= bound == 4 * size.target(dtype)
    iterations = found.metrics["iterations"]
    each = 1320 + 24 + (504 if size.csw else 0)
    flop = size.sources * size.sites * ((2 * iterations + 2) * each + 5 * 24 * iterations)
    assert found.metrics["solver_flop_per_s"] * spent_s == pytest.approx(flop)


@pytest.mark.parametrize("csw", [0.0, 1.0])
@pytest.mark.parametrize("name", ["cg", "cg_mixed"])
def test_cupy_text_solves_on_numpy(name: str, csw: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", np)  # it uses only what both libraries have
    for module in LIBRARIES[1:]:
        monkeypatch.delitem(sys.modules, module, raising=False)
    size = replace(TWO, csw=csw)
    found, _ = trial(getattr(importlib.import_module(LIBRARIES[1]), name), size)
    for module in LIBRARIES[1:]:
        sys.modules.pop(module, None)
    value, bound = judged(size, found.outputs["x"])
    assert value <= bound


@pytest.mark.parametrize("source", [0, 1])
def test_every_source_is_judged(source: int) -> None:
    x = trial(solve.bicgstab, TWO)[0].outputs["x"]
    value, bound = judged(TWO, x)
    assert value <= bound / 4
    for wrong in (1.001 * x, np.roll(x, 1, axis=1), x.swapaxes(1, 2), x.conj()):
        mixed = x.copy()
        mixed[source] = wrong[source]
        assert judged(TWO, mixed)[0] > bound
    mixed = x.copy()
    mixed[source].flat[-1] *= 1.001
    assert judged(TWO, mixed)[0] > bound
    assert judged(TWO, x[:1])[0] == np.inf
    assert not judged(TWO, x * np.nan)[0] <= bound


def test_residual_is_recomputed_from_the_whole_system() -> None:
    x = trial(solve.cg, SMALL)[0].outputs["x"]
    value, bound = judged(SMALL, x)
    assert value <= bound
    for other in (replace(SMALL, kappa=-0.13), replace(SMALL, csw=0.9), replace(SMALL, boundary=(1, 1, 1, 1))):
        assert judged(other, x)[0] > 1e-3
    assert judged(SMALL, np.zeros_like(x))[0] == pytest.approx(1)


def test_random_inputs_are_the_formula_in_another_gauge() -> None:
    size = Size((4, 4, 4, 4), kappa=0.15)
    first, other = arrays(size, seed=1), arrays(size, seed=2)
    named = arrays(replace(size, field="formula"))
    assert np.array_equal(named["links"], lattice.formula_links(size.shape, 0.8))
    assert np.array_equal(named["spinor"], lattice.formula_spinor(size.shape))
    for one in (first, other):
        assert average_plaquette(one["links"]) == pytest.approx(average_plaquette(named["links"]), rel=1e-12)
        assert np.abs(one["links"] - named["links"]).max() > 0.5
        counted = solve_wilson(one["links"], one["spinor"], kappa=0.15).iterations
        assert abs(counted - 42) <= 3
    assert np.abs(first["links"] - other["links"]).max() > 0.5
    assert np.abs(first["spinor"] - other["spinor"]).max() > 0.5


def test_a_method_that_gives_up_fails_its_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solve, "LIMIT", 2)
    with pytest.raises(NgtBenchError, match="cg gave up after 2 iterations"):
        trial(solve.cg, SMALL)


def test_sizes_targets_and_work() -> None:
    case = W.sizes["S-16"]
    assert (case.shape, case.kappa, case.csw, case.field, case.eps, case.boundary) == (
        (16,) * 4,
        0.15,
        0,
        "formula",
        0.8,
        (1, 1, 1, -1),
    )
    assert (case.target("float64"), case.target("float32")) == (1e-8, 1e-5)
    work = W.work(W.sizes["S-rhs12"], 8)
    assert (work.flop, work.bytes, work.events, work.event) == (0, 8 * 8**4 * (72 + 2 * 24 * 12), 12, "source")
    for bad in ({"shape": (4, 4, 3, 4)}, {"shape": (4, 4, 4, 4), "parity": "even"}):
        with pytest.raises(WorkloadError, match="whole lattices of even extents"):
            Size(**bad)
