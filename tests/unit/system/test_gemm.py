"""The matrix product's checks: every element is covered, and no precision passes for another."""

from typing import Any

import numpy as np
import pytest

from ngtbench import backends, workloads
from ngtbench.errors import Unavailable
from ngtbench.harness.inputs import Flat, HostInputs
from ngtbench.harness.prepare import prepare
from ngtbench.model.case import Case, Resources, Work
from ngtbench.model.workload import Array
from ngtbench.physics.rounding import to_dtype
from ngtbench.workloads.system import gemm

SIZE = gemm.Size(512)


def product(dtype: str) -> tuple[HostInputs, Array]:
    given = HostInputs(gemm.inputs(SIZE, 1), dtype)
    wide = given.wide()
    return given, to_dtype(wide["a"] @ wide["b"], dtype)


def signs(given: HostInputs, c: Array, dtype: str) -> tuple[float, float]:
    return gemm.invariants(SIZE, given.sampled(), {"c": Flat(c)}, dtype)["random_signs"]


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_a_right_product_is_far_within_the_bound(dtype: str) -> None:
    given, c = product(dtype)
    value, bound = signs(given, c, dtype)
    assert 0 < value < bound / 2


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_percent_of_any_one_element_is_seen(dtype: str) -> None:
    given, c = product(dtype)
    rms = np.sqrt(SIZE.n) / 3
    for flat in (0, 12345, c.size - 1):
        wrong = c.copy()
        wrong.flat[flat] += 0.01 * rms
        value, bound = signs(given, wrong, dtype)
        assert value > bound


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_lost_tile_is_seen_in_low_precision(dtype: str) -> None:
    given, c = product(dtype)
    wrong = c.copy()
    wrong[128:192, 64:128] = 0
    value, bound = signs(given, wrong, dtype)
    assert value > bound


def test_a_nan_breaks_the_invariant() -> None:
    given, c = product("float64")
    c[3, 5] = np.nan
    assert np.isnan(signs(given, c, "float64")[0])


def test_the_sample_is_what_the_oracle_says() -> None:
    given, c = product("float64")
    got, want = gemm.spot(SIZE, given.sampled(), {"c": Flat(c)})
    assert got.shape[0] > 400
    assert np.max(np.abs(got - want)) < 1e-12
    got, want = gemm.spot(SIZE, given.sampled(), {"c": Flat(c.T.copy())})
    assert np.max(np.abs(got - want)) > 1


@pytest.mark.parametrize(("claimed", "bits"), [("float32", 13), ("float64", 29)])
def test_a_lower_precision_does_not_pass(claimed: str, bits: int) -> None:
    """Inputs cut to tf32 for float32, to float32 for float64: what a library does that lowers precision silently."""
    given = HostInputs(gemm.inputs(SIZE, 1), claimed).wide()
    words = {"float32": np.uint32, "float64": np.uint64}[claimed]
    cut = {k: (v.astype(claimed).view(words) >> words(bits) << words(bits)).view(claimed) for k, v in given.items()}
    error = np.max(np.abs(cut["a"].astype(np.float64) @ cut["b"].astype(np.float64) - given["a"] @ given["b"]))
    assert error / (np.sqrt(SIZE.n) / 3) > 2 * gemm.WORKLOAD.tolerance[claimed]


def test_work_is_what_a_product_takes() -> None:
    assert gemm.work(gemm.Size(10), 4) == Work(flop=2000, bytes=1200, memory_b=1200, events=1, event="product")


def test_tf32_is_unavailable_without_its_units() -> None:
    if backends.missing("torch"):
        pytest.skip("package torch is not installed")
    with pytest.raises(Unavailable, match="tf32"):
        prepare(Case("system/gemm", 1, "XS", "torch", "tf32"), Resources("cpu:0", 1, False), 1)


@pytest.mark.parametrize(
    ("dtype", "cpuinfo", "has"),
    [
        ("bfloat16", "flags : fpu avx2 avx512f", False),
        ("bfloat16", "flags : fpu avx512_bf16", True),
        ("bfloat16", "Features : fp asimd bf16 i8mm", True),
        ("float16", "flags : fpu f16c avx2", False),
        ("float16", "Features : fp asimd asimdhp", True),
        ("float32", "", True),
    ],
)
def test_units_are_read_from_the_flags(dtype: str, cpuinfo: str, has: bool) -> None:
    kernel: Any = pytest.importorskip("ngtbench.kernels.system.gemm_torch", reason="package torch is not installed")
    assert kernel.has_units(dtype, cpuinfo) is has


def test_the_precision_is_set_for_each_case() -> None:
    torch: Any = pytest.importorskip("torch", reason="package torch is not installed")
    kernel: Any = pytest.importorskip("ngtbench.kernels.system.gemm_torch")
    assert "tf32" in kernel.choose_precision("tf32")
    assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    assert "ieee" in kernel.choose_precision("float32")
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"


def test_sizes_divide_into_blocks() -> None:
    assert all(size.n % min(size.n, gemm._BLOCK) == 0 for size in workloads.load("system/gemm").sizes.values())
