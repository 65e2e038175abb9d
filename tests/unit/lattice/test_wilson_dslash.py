"""What the workloads of Wilson-like operators promise: dtypes, odd shapes, full and spot verdicts, work, errors."""

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench import backends
from ngtbench.errors import BadInput, Unavailable, WorkloadError
from ngtbench.harness import blocked
from ngtbench.harness.inputs import Flat, HostInputs
from ngtbench.harness.validate import Checker
from ngtbench.kernels.lattice import wilson_dslash
from ngtbench.model.workload import Array, Setup, Workload
from ngtbench.physics import lattice
from ngtbench.workloads.lattice import clover_dslash
from ngtbench.workloads.lattice import wilson_dslash as workload

W, CLOVER = workload.WORKLOAD, clover_dslash.WORKLOAD
LATTICES: dict[str, dict[str, Any]] = {
    "XS": {"shape": (4, 4, 4, 4)},
    "XS-uneven": {"shape": (4, 6, 8, 10)},
    "XS-odd": {"shape": (3, 5, 1, 7)},
    "XS-blocks": {"shape": (10, 10, 10, 10), "boundary": (1, 1j, 1, -1)},  # more than one block, the phases of a twist
    "XS-eo": {"shape": (10, 10, 10, 10), "boundary": (1, 1j, 1, -1), "parity": "even"},
    "XS-rhs3": {"shape": (3, 4, 2, 6), "sources": 3},
    "XS-eo-rhs2": {"shape": (4, 2, 6, 8), "sources": 2, "parity": "even", "field": "formula"},
    "M": {"shape": (6, 4, 2, 8)},
    "M-eo-rhs2": {"shape": (6, 4, 2, 8), "sources": 2, "parity": "even"},
}
SIZES = {name: workload.Size(**given) for name, given in LATTICES.items()}
CLOVER_SIZES = {name: clover_dslash.Size(**given, csw=1.3) for name, given in LATTICES.items()}
TEST = Workload(**(vars(W) | {"sizes": SIZES}))
TESTS = {"wilson": TEST, "clover": Workload(**(vars(CLOVER) | {"sizes": CLOVER_SIZES}))}
IMPLS = [
    (name, impl, dtype)
    for name, one in TESTS.items()
    for impl in one.impls
    if impl.runs_on("cpu")
    for dtype in impl.dtypes or one.tolerance
]


def checker(size: str, dtype: str) -> tuple[Checker, HostInputs]:
    inputs = HostInputs(W.inputs(SIZES[size], 1), dtype)
    return Checker(TEST, size, inputs, backends.load("numpy", "cpu:0", 1)), inputs


def right(size: str, dtype: str) -> Array:
    return workload.reference(SIZES[size], **checker(size, dtype)[1].wide())["out"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "impl", "dtype"), IMPLS, ids=[f"{name}-{impl.name}-{dtype}" for name, impl, dtype in IMPLS])
def test_every_implementation_equals_the_oracle(name: str, impl: Any, size: str, dtype: str) -> None:
    if lacking := backends.missing(impl.backend):
        pytest.skip(f"package {lacking} is not installed: {backends.remedy(lacking)}")
    backend, test = backends.load(impl.backend, "cpu:0", 1), TESTS[name]
    inputs = HostInputs(test.inputs(test.sizes[size], 1), dtype)
    module, _, function = impl.entry.partition(":")
    said: list[str] = []
    setup = Setup(test.sizes[size], dtype, "cpu:0", 1, 1, backend, say=said.append)
    build = getattr(importlib.import_module(f"ngtbench.kernels.{module}"), function)
    try:
        run = build(setup, **inputs.on(backend))
    except Unavailable as error:  # no compiler, or links in fewer reals under the phases of a twist
        pytest.skip(str(error))
    judge = Checker(replace(test, tolerance={**test.tolerance, **dict(impl.tolerance)}), size, inputs, backend)
    for _ in range(2):
        outputs = run()
        verdict = judge.check(outputs)
        assert verdict.passed, verdict.reason
        blocked.poison(backend, outputs["out"])
    assert blocked.whole(backend, outputs["out"]).dtype == (np.complex128 if dtype == "float64" else np.complex64)
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


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((6, 4, 2, 8), {}),
        ((1, 2, 3, 4), {}),
        ((5, 3, 2, 2), {"sources": 3}),
        ((4, 2, 2, 6), {"parity": "even"}),
        ((6, 4, 2, 8), {"parity": "even", "sources": 2}),
    ],
    ids=str,
)
@pytest.mark.parametrize("module", [workload, clover_dslash], ids=["wilson", "clover"])
def test_the_spot_check_is_the_oracle_slab_by_slab(module: Any, options: dict[str, Any], shape: lattice.Shape) -> None:
    size = module.Size(shape, (1j, -1, 1, -1), **options)
    inputs = module.WORKLOAD.inputs(size, 2)
    want = module.reference(size, **{name: np.asarray(array) for name, array in inputs.items()})["out"]
    views = {name: Flat(np.asarray(array)) for name, array in inputs.items()}
    got, expected = module.spot(size, views, {"out": Flat(want)})
    assert got.size == want.size
    assert np.array_equal(np.sort(got), np.sort(want.ravel()))  # every component, once
    assert np.abs(expected - got).max() < 1e-14


@pytest.mark.parametrize("size", ["M", "M-eo-rhs2"])
@pytest.mark.parametrize("dtype", W.tolerance)
def test_one_wrong_element_fails_wherever_it_is(dtype: str, size: str) -> None:
    answer = right(size, dtype)
    judge, _ = checker(size, dtype)
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
    assert 1320 == 16 * 66 + 8 * 12 + 7 * 24
    assert 1872 == 1320 + 2 * (6 * 2 + 30 * 6 + 30 * 2) + 48


@pytest.mark.parametrize(
    ("options", "reals", "of_clover"),
    [
        ({}, 120, 192),
        ({"sources": 12}, 72 + 12 * 48, 144 + 12 * 48),
        ({"parity": "even"}, 192, 288),
        ({"parity": "even", "sources": 12}, 144 + 12 * 48, 216 + 12 * 72),
    ],
    ids=str,
)
def test_reals_moved_per_site_written(options: dict[str, Any], reals: int, of_clover: int) -> None:
    written, sources = 8**4 // (2 if "parity" in options else 1), options.get("sources", 1)
    for module, flop, count in ((workload, 1320, reals), (clover_dslash, 1872, of_clover)):
        work = module.WORKLOAD.work(module.Size((8, 8, 8, 8), **options), 4)
        assert (work.flop, work.bytes) == (flop * written * sources, 4 * count * written)
        assert work.events == written * sources
        assert work.memory_b >= work.bytes


def test_sizes_by_name() -> None:
    shapes = {"XS": (4,) * 4, "S": (8,) * 4, "S-16": (16,) * 4, "M": (16, 16, 16, 32), "L": (32, 32, 32, 64)}
    assert W.version == CLOVER.version == 1
    for one, more in ((W, {"S-rhs4", "S-16eo", "S-16rhs12", "M-rhs4"}), (CLOVER, set())):
        assert set(one.sizes) == set(shapes) | {"S-eo", "S-rhs12", "M-eo", "M-rhs12"} | more
        for name, size in one.sizes.items():
            sources = int(name.partition("rhs")[2] or 1)
            lattice_of = "S-16" if name.startswith("S-16") else name.split("-")[0]
            assert (size.shape, size.sources) == (shapes[lattice_of], sources)
            assert size.parity == ("even" if name.endswith("eo") else "full")
            assert (size.boundary, size.field) == ((1, 1, 1, -1), "random")


def test_a_size_nearby_differs_in_its_extent_only() -> None:
    for module in (workload, clover_dslash):
        size = module.Size((4, 4, 4, 4), sources=2, parity="even", field="formula", eps=0.25)
        assert module.WORKLOAD.nearby(size, 0) == module.Size((4, 4, 4, 6), sources=2, parity="even", field="formula", eps=0.25)


def test_fields_by_name() -> None:
    shape: lattice.Shape = (4, 2, 2, 4)
    given = {name: np.asarray(array) for name, array in W.inputs(workload.Size(shape, sources=3, field="formula"), 7).items()}
    assert np.array_equal(given["links"], lattice.formula_links(shape, 0.8))
    assert np.array_equal(given["spinor"][0], lattice.formula_spinor(shape))
    assert np.array_equal(given["spinor"][2], lattice.random_spinor(shape, 7, 2))
    smooth = W.inputs(workload.Size(shape, field="formula", eps=0.25), 7)
    assert np.array_equal(np.asarray(smooth["links"]), lattice.formula_links(shape, 0.25))
    assert np.array_equal(np.asarray(smooth["spinor"]), lattice.formula_spinor(shape))
    random = {name: np.asarray(array) for name, array in W.inputs(workload.Size(shape, sources=2), 7).items()}
    assert np.array_equal(random["links"], lattice.random_links(shape, 7))
    assert np.array_equal(random["spinor"][0], lattice.random_spinor(shape, 7))
    assert not np.array_equal(random["spinor"][0], random["spinor"][1])


def test_a_size_says_what_is_wrong() -> None:
    with pytest.raises(WorkloadError, match="odd extent"):
        workload.Size((4, 3, 4, 4), parity="even")
    with pytest.raises(WorkloadError, match="0 sources"):
        workload.Size((4, 4, 4, 4), sources=0)


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
