"""The staggered workload's own promises: dtypes, odd shapes, sources, halves, verdicts, work, errors of the public function."""

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench import backends
from ngtbench.errors import BadInput, WorkloadError
from ngtbench.harness.inputs import Flat, HostInputs
from ngtbench.harness.validate import Checker
from ngtbench.kernels.lattice import staggered_dslash
from ngtbench.model.workload import Array, Setup, Workload
from ngtbench.physics import lattice
from ngtbench.workloads.lattice import _wilson
from ngtbench.workloads.lattice import staggered_dslash as workload
from ngtbench.workloads.lattice.staggered_dslash import Size

W = workload.WORKLOAD
SIZES = {
    "XS": Size((4, 4, 4, 4)),
    "XS-uneven": Size((4, 6, 8, 10)),
    "XS-odd": Size((3, 5, 1, 7)),
    "XS-formula": Size((4, 6, 4, 2), field="formula"),
    "XS-eo": Size((4, 6, 8, 10), (1j, 1, -1, -1), parity="even"),
    "XS-rhs3": Size((4, 2, 6, 4), sources=3),
    "XS-rhs3eo": Size((4, 2, 6, 4), sources=3, parity="even", field="formula"),
    "XS-blocks": Size((10, 10, 10, 10), (1, 1j, 1, -1)),  # more than one block, the phases of a twist
    "M": Size((6, 4, 2, 8)),
    "M-rhs2eo": Size((6, 4, 2, 8), sources=2, parity="even"),
}
TEST = Workload(**(vars(W) | {"sizes": SIZES}))


def checker(size: str, dtype: str) -> tuple[Checker, HostInputs]:
    inputs = HostInputs(W.inputs(SIZES[size], 1), dtype)
    return Checker(TEST, size, inputs, backends.load("numpy", "cpu:0", 1)), inputs


def right(size: str, dtype: str) -> Array:
    return workload.reference(SIZES[size], **checker(size, dtype)[1].wide())["out"]


@pytest.mark.parametrize("dtype", W.tolerance)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("impl", [impl for impl in W.impls if impl.backend in ("numpy", "torch")], ids=lambda impl: impl.name)
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


def test_even_is_the_even_part_of_full() -> None:
    for name in ("XS-eo", "XS-rhs3eo"):
        size = SIZES[name]
        inputs = {key: np.asarray(array) for key, array in W.inputs(size, 3).items()}
        full = workload.reference(replace(size, parity="full"), **inputs)["out"]
        x, y, z, t = np.indices(size.shape)
        even = workload.reference(size, **inputs)["out"]
        assert np.array_equal(even, full[..., (x + y + z + t) % 2 == 0, :])
        assert even.shape == (*full.shape[:-5], size.sites // 2, 3)


def test_sources_are_independent_and_differ() -> None:
    inputs = {key: np.asarray(array) for key, array in W.inputs(SIZES["XS-rhs3"], 1).items()}
    out = workload.reference(SIZES["XS-rhs3"], **inputs)["out"]
    assert np.abs(inputs["field"][0] - inputs["field"][1]).max() > 0.5
    for source, wanted in enumerate(out):
        assert np.array_equal(staggered_dslash(inputs["links"], inputs["field"][source]).shape, wanted.shape)
        assert np.abs(staggered_dslash(inputs["links"], inputs["field"][source]) - wanted).max() < 1e-13


def test_formula_inputs_are_the_formulas() -> None:
    size = Size((4, 6, 4, 2), sources=2, field="formula", eps=0.25)
    first, other = W.inputs(size, 1), W.inputs(size, 2)
    assert np.array_equal(np.asarray(first["links"]), lattice.formula_links(size.shape, 0.25))
    assert np.array_equal(np.asarray(first["field"])[0], lattice.formula_field(size.shape))
    assert np.abs(np.asarray(first["field"])[1] - np.asarray(other["field"])[1]).max() > 0.5


@pytest.mark.parametrize("axes", [(1, 0, 2, 3, 4), (0, 2, 1, 3, 4), (0, 1, 3, 2, 4)])
def test_swapped_axes_fail_though_the_norm_is_right(axes: tuple[int, ...]) -> None:
    answer = right("XS", "float64")
    judge, _ = checker("XS", "float64")
    assert judge.check({"out": answer}).passed
    verdict = judge.check({"out": np.ascontiguousarray(answer.transpose(axes))})
    assert verdict.error is not None
    assert verdict.error > 0.1
    assert not judge.check({"out": answer[..., [2, 0, 1]]}).passed


@pytest.mark.parametrize("size", ["M", "M-rhs2eo", "XS-odd", "XS-rhs3eo", "XS-eo"])
def test_the_spot_check_is_the_oracle_slab_by_slab(size: str) -> None:
    inputs = {name: np.asarray(array) for name, array in W.inputs(SIZES[size], 2).items()}
    want = workload.reference(SIZES[size], **inputs)["out"]
    got, expected = workload.spot(SIZES[size], {name: Flat(array) for name, array in inputs.items()}, {"out": Flat(want)})
    assert sorted(got.tolist(), key=lambda v: (v.real, v.imag)) == sorted(want.ravel().tolist(), key=lambda v: (v.real, v.imag))
    assert np.abs(expected - got).max() < 1e-14


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
    sites = 16**3 * 32
    assert 570 == 8 * 66 + 7 * 6
    for item_b in (4, 8):
        work = W.work(W.sizes["M"], item_b)
        assert (work.flop, work.events, work.event) == (570 * sites, sites, "site")
        assert (work.bytes, work.memory_b) == (84 * item_b * sites, 228 * item_b * sites)
        even = W.work(W.sizes["M-eo"], item_b)
        assert (even.flop, even.bytes) == (570 * sites // 2, (144 + 12) * item_b * sites // 2)
        many = W.work(W.sizes["M-rhs12"], item_b)
        assert (many.flop, many.bytes) == (12 * 570 * sites, (72 + 12 * 12) * item_b * sites)


def test_sizes_that_make_no_sense_are_refused() -> None:
    with pytest.raises(WorkloadError, match="odd extent"):
        Size((4, 3, 4, 4), parity="even")
    assert _wilson.written(SIZES["XS-eo"]).sum() == SIZES["XS-eo"].written


def test_public_function_keeps_dtype_inputs_and_layout() -> None:
    shape: lattice.Shape = (2, 3, 4, 5)
    links, chi = lattice.random_links(shape, 1), lattice.random_field(shape, 1)
    saved = links.copy(), chi.copy()
    double = staggered_dslash(links, chi)
    single = staggered_dslash(links.astype(np.complex64), chi.astype(np.complex64))
    assert double.dtype == np.complex128
    assert single.dtype == np.complex64
    assert double.flags.c_contiguous
    assert np.abs(single - double).max() < 1e-5
    assert np.array_equal(links, saved[0])
    assert np.array_equal(chi, saved[1])
    assert np.array_equal(staggered_dslash(np.asfortranarray(links), np.asfortranarray(chi)), double)
    assert np.abs(staggered_dslash(links, chi, boundary=(1, 1, 1, 1)) - double).max() > 0.1  # antiperiodic by default
    assert np.array_equal(staggered_dslash(links, chi, boundary=(1, 1, 1, -1)), double)


def test_public_function_says_what_is_wrong() -> None:
    links, chi = lattice.unit_links((2, 2, 2, 4)), lattice.random_field((2, 2, 2, 4), 1)
    for bad, words in (
        ((links, chi.real), "field has dtype float64"),
        ((links.tolist(), chi), "links has list"),
        ((links.astype(np.complex64), chi), "links are complex64, field is complex128"),
        ((links, chi[..., :2]), "3 colours"),
        ((links, chi[:0]), "3 colours"),
        ((links, chi.swapaxes(0, 3)), r"needs \(4, 4, 2, 2, 2, 3, 3\)"),
        ((links[:3], chi), "links have shape"),
    ):
        with pytest.raises(BadInput, match=f"staggered_dslash: .*{words}"):
            staggered_dslash(*bad)
    for boundary in ((1, 1, 1), (1, 1, 1, 0), (1, 1, 1, float("nan"))):
        with pytest.raises(BadInput, match="four phases of modulus 1"):
            staggered_dslash(links, chi, boundary=boundary)
