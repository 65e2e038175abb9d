"""The workload's own promises: dtypes, odd shapes, full and spot verdicts, work, errors of the public function."""

import importlib
from typing import Any

import numpy as np
import pytest

from ngtbench import backends
from ngtbench.errors import BadInput
from ngtbench.harness.inputs import Flat, HostInputs
from ngtbench.harness.validate import Checker
from ngtbench.kernels.lattice import wilson_dslash
from ngtbench.model.workload import Array, Setup, Workload
from ngtbench.physics import lattice
from ngtbench.workloads.lattice import wilson_dslash as workload

W = workload.WORKLOAD
SHAPES: dict[str, lattice.Shape] = {"XS": (4, 4, 4, 4), "XS-uneven": (4, 6, 8, 10), "XS-odd": (3, 5, 1, 7), "M": (6, 4, 2, 8)}
SIZES = {name: workload.Size(shape) for name, shape in SHAPES.items()}
SIZES["XS-blocks"] = workload.Size((10, 10, 10, 10), (1, 1j, 1, -1))  # more than one block, the phases of a twist
TEST = Workload(**(vars(W) | {"sizes": SIZES}))


def checker(size: str, dtype: str) -> tuple[Checker, HostInputs]:
    inputs = HostInputs(W.inputs(SIZES[size], 1), dtype)
    return Checker(TEST, size, inputs, backends.load("numpy", "cpu:0", 1)), inputs


def right(size: str, dtype: str) -> Array:
    return workload.reference(SIZES[size], **checker(size, dtype)[1].wide())["out"]


@pytest.mark.parametrize("dtype", W.tolerance)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("impl", [impl for impl in W.impls if impl.runs_on("cpu")], ids=lambda impl: impl.name)
def test_every_implementation_equals_the_oracle(impl: Any, size: str, dtype: str) -> None:
    if lacking := backends.missing(impl.backend):
        pytest.skip(f"package {lacking} is not installed: {backends.remedy(lacking)}")
    backend = backends.load(impl.backend, "cpu:0", 1)
    inputs = HostInputs(W.inputs(SIZES[size], 1), dtype)
    module, _, function = impl.entry.partition(":")
    said: list[str] = []
    setup = Setup(SIZES[size], dtype, "cpu:0", 1, 1, backend, say=said.append)
    run = getattr(importlib.import_module(f"ngtbench.kernels.{module}"), function)(setup, **inputs.on(backend))
    judge = Checker(TEST, size, inputs, backend)
    for _ in range(2):
        outputs = run()
        verdict = judge.check(outputs)
        assert verdict.passed, verdict.reason
        backend.poison(outputs["out"])
    assert backend.get(outputs["out"]).dtype == (np.complex128 if dtype == "float64" else np.complex64)
    assert said


@pytest.mark.parametrize("axes", [(1, 0, 2, 3, 4, 5), (0, 2, 1, 3, 4, 5), (0, 1, 3, 2, 4, 5)])
def test_swapped_axes_fail_though_the_norm_is_right(axes: tuple[int, ...]) -> None:
    answer = right("XS", "float64")
    judge, _ = checker("XS", "float64")
    assert judge.check({"out": answer}).passed
    verdict = judge.check({"out": answer.transpose(axes)})
    assert verdict.error is not None
    assert verdict.error > 0.1


def test_spin_and_colour_permutations_fail() -> None:
    judge, _ = checker("XS", "float64")
    answer = right("XS", "float64")
    assert not judge.check({"out": answer[..., [1, 0, 2, 3], :]}).passed
    assert not judge.check({"out": answer[..., [2, 0, 1]]}).passed
    assert not judge.check({"out": answer.conj()}).passed


@pytest.mark.parametrize("shape", [(6, 4, 2, 8), (1, 2, 3, 4), (5, 3, 2, 2), (4, 2, 2, 6)], ids=str)
def test_the_spot_check_is_the_oracle_slab_by_slab(shape: lattice.Shape) -> None:
    size = workload.Size(shape, (1j, -1, 1, -1))
    inputs = W.inputs(size, 2)
    want = workload.reference(size, **{name: np.asarray(array) for name, array in inputs.items()})["out"]
    views = {name: Flat(np.asarray(array)) for name, array in inputs.items()}
    got, expected = workload.spot(size, views, {"out": Flat(want)})
    assert np.array_equal(got, want.ravel())  # every component, once
    assert np.abs(expected - want.ravel()).max() < 1e-14


@pytest.mark.parametrize("dtype", W.tolerance)
def test_one_wrong_element_fails_wherever_it_is(dtype: str) -> None:
    answer = right("M", dtype)
    judge, _ = checker("M", dtype)
    assert judge.check({"out": answer}).check == "spot"
    rms = float(np.sqrt(np.mean(np.abs(answer) ** 2)))
    for flat in (0, answer.size - 1, *np.random.default_rng(1).integers(answer.size, size=20)):
        wrong = answer.copy()
        wrong.flat[flat] += 0.01 * rms
        assert not judge.check({"out": wrong}).passed
    assert judge.check({"out": answer}).passed


def test_work_is_counted_per_site() -> None:
    for item_b in (4, 8):
        work = W.work(W.sizes["M"], item_b)
        sites = 16**3 * 32
        assert (work.flop, work.events, work.event) == (1320 * sites, sites, "site")
        assert (work.bytes, work.memory_b) == (120 * item_b * sites, 264 * item_b * sites)
    assert {name: size.shape for name, size in W.sizes.items()} == {
        "XS": (4,) * 4,
        "S": (8,) * 4,
        "M": (16, 16, 16, 32),
        "L": (32, 32, 32, 64),
    }
    assert 1320 == 16 * 66 + 8 * 12 + 7 * 24


def test_public_function_keeps_dtype_inputs_and_layout() -> None:
    shape: lattice.Shape = (2, 3, 4, 5)
    links, psi = lattice.random_links(shape, 1), lattice.random_spinor(shape, 1)
    saved = links.copy(), psi.copy()
    double = wilson_dslash(links, psi)
    single = wilson_dslash(links.astype(np.complex64), psi.astype(np.complex64))
    assert double.dtype == np.complex128
    assert single.dtype == np.complex64
    assert double.flags.c_contiguous
    assert np.abs(single - double).max() < 1e-5
    assert np.array_equal(links, saved[0])
    assert np.array_equal(psi, saved[1])
    assert np.array_equal(wilson_dslash(np.asfortranarray(links), psi), double)
    assert np.abs(wilson_dslash(links, psi, boundary=(1, 1, 1, 1)) - double).max() > 0.1  # antiperiodic by default
    assert np.array_equal(wilson_dslash(links, psi, boundary=(1, 1, 1, -1)), double)


def test_public_function_says_what_is_wrong() -> None:
    links, psi = lattice.unit_links((2, 2, 2, 4)), lattice.random_spinor((2, 2, 2, 4), 1)
    for bad, words in (
        ((links, psi.real), "spinor has dtype float64"),
        ((links.tolist(), psi), "links has list"),
        ((links.astype(np.complex64), psi), "links are complex64, spinor is complex128"),
        ((links, psi[..., :2]), "4 spins, 3 colours"),
        ((links, psi[:0]), "4 spins, 3 colours"),
        ((links, psi.swapaxes(0, 3)), r"needs \(4, 4, 2, 2, 2, 3, 3\)"),
        ((links[:3], psi), "links have shape"),
    ):
        with pytest.raises(BadInput, match=words):
            wilson_dslash(*bad)
    for boundary in ((1, 1, 1), (1, 1, 1, 0), (1, 1, 1, float("nan"))):
        with pytest.raises(BadInput, match="four phases of modulus 1"):
            wilson_dslash(links, psi, boundary=boundary)
