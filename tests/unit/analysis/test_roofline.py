"""Limits are the best validated rates beyond the cache; a share without its limit is not a number."""

from dataclasses import replace

import pytest

from ngtbench.analysis import roofline
from ngtbench.analysis.results import results
from ngtbench.model.case import Case, Work
from ngtbench.model.comparison import Limits, Result
from ngtbench.model.machine import HardwareProfile, Peak, Quantity, Rule
from ngtbench.model.record import Outcome, RunRecord
from tests.machines import cpu, gpu
from tests.records import VERDICT, case, done, run

CACHE_B = 2**25  # of tests.machines.cpu
BIG = Work(flop=2 * 10**7, bytes=24 * 10**7, memory_b=24 * 10**7, events=1, event="element")
SMALL = replace(BIG, memory_b=CACHE_B // 2)
PRODUCT = Work(flop=2 * 10**9, bytes=24 * 10**6, memory_b=24 * 10**6, events=1, event="element")


def taken(time_s: float, work: Work, of: Case, device: str = "cpu:0") -> RunRecord:
    return run(done([time_s] * 10, work), of, device)


GEMM = taken(0.02, PRODUCT, case("system/gemm"))  # 100 GFLOP/s
TRIAD = taken(0.01, BIG, case())  # 24 GB/s


def measured(*runs: RunRecord) -> tuple[Limits, tuple[Result, ...]]:
    found = results(runs)
    return roofline.limits(found, cpu()), found


def test_the_bandwidth_is_the_best_triad_beyond_the_cache() -> None:
    limits, _ = measured(
        TRIAD,
        taken(0.008, BIG, case(impl="numba")),
        taken(0.001, SMALL, case(size="S")),
        run(Outcome("wrong", reason="off"), case(impl="cheat")),
    )
    assert limits.bandwidth is not None
    assert limits.bandwidth.value == pytest.approx(30e9)
    assert limits.bandwidth.case == "system/triad@1/M/numba/float64"


def test_a_triad_in_the_cache_is_no_bandwidth() -> None:
    limits, _ = measured(taken(0.001, SMALL, case(size="S")))
    assert limits.bandwidth is None
    assert "beyond 4 times its last-level cache" in limits.missing["bandwidth"]


def test_where_the_cache_is_unknown_the_largest_triad_counts() -> None:
    found = results([taken(0.001, SMALL, case(size="S"), "cuda:0"), taken(0.01, BIG, case(), "cuda:0")])
    limits = roofline.limits(found, gpu())
    assert limits.bandwidth is not None
    assert limits.bandwidth.value == pytest.approx(24e9)
    assert "cache size unknown" in limits.bandwidth.note
    assert roofline.limits(found, gpu(1)).bandwidth is None


def test_each_dtype_has_its_own_arithmetic_limit() -> None:
    limits, _ = measured(GEMM, taken(0.01, PRODUCT, case("system/gemm", dtype="float32")))
    assert {dtype: limit.value for dtype, limit in limits.flop.items()} == {
        "float64": pytest.approx(100e9),
        "float32": pytest.approx(200e9),
    }


def test_the_arithmetic_limit_is_the_better_of_products_and_multiply_adds() -> None:
    faster, slower = (taken(time_s, PRODUCT, case("system/fma", impl="native")) for time_s in (0.016, 0.03))
    dslash = taken(0.04, PRODUCT, case("lattice/dslash"))
    limits, found = measured(TRIAD, GEMM, faster, dslash)
    assert limits.flop["float64"].case == "system/fma@1/M/native/float64"
    assert roofline.fraction(found[3], limits).value == pytest.approx(0.4)
    assert roofline.fraction(found[3], limits).limit == "measured float64 FMA"
    limits, found = measured(TRIAD, GEMM, slower, taken(0.01, PRODUCT, case("system/fma", size="S-core1")), dslash)
    assert roofline.fraction(found[4], limits).limit == "measured float64 GEMM"


@pytest.mark.parametrize(
    ("work", "time_s", "share", "limit"),
    [
        (BIG, 0.02, 0.5, "measured bandwidth"),
        (PRODUCT, 0.04, 0.5, "measured float64 GEMM"),
        (replace(BIG, flop=0), 0.02, 0.5, "measured bandwidth"),
        (replace(PRODUCT, bytes=0), 0.04, 0.5, "measured float64 GEMM"),
        (SMALL, 0.002, 5.0, "measured bandwidth"),
    ],
)
def test_the_share_is_of_the_limit_that_binds(work: Work, time_s: float, share: float, limit: str) -> None:
    limits, found = measured(TRIAD, GEMM, taken(time_s, work, case("lattice/dslash")))
    fraction = roofline.fraction(found[2], limits)
    assert fraction.value == pytest.approx(share)
    assert fraction.limit == limit
    assert fraction.in_cache == (work.memory_b < CACHE_B)


def test_without_a_measured_limit_there_is_a_reason() -> None:
    limits, found = measured(TRIAD, taken(0.1, BIG, case("lattice/dslash", dtype="float32")))
    assert roofline.fraction(found[1], limits).reason == "system/gemm or system/fma float32 not measured on cpu:0"
    limits, found = measured(GEMM, taken(0.1, BIG, case("lattice/dslash")))
    assert roofline.fraction(found[1], limits).reason == "memory bandwidth not measured on cpu:0"
    limits, found = measured(taken(0.1, Work(0, 0, 1, 1, "call"), case("system/launch")))
    assert roofline.fraction(found[0], limits).value is None


def test_a_wrong_result_has_no_share() -> None:
    limits, found = measured(TRIAD, GEMM, run(Outcome("wrong", reason="off", verdict=VERDICT, work=BIG), case("x/y")))
    assert roofline.fraction(found[2], limits).value is None


def profile(bandwidth: float | None = 48e9) -> HardwareProfile:
    nothing = Quantity(None, "", reason="a test")
    peaks = {
        "float64/vector": Peak(Quantity(100e9, "FLOP/s", ("t",)), nothing, nothing),
        "float64/matrix": Peak(Quantity(200e9, "FLOP/s", ("t",)), nothing, nothing),
    }
    return HardwareProfile(
        id="t",
        label="Test",
        kind="cpu",
        vendor="Test",
        architecture="",
        match=Rule(),
        units=nothing,
        peaks=peaks,
        memory_b=nothing,
        bandwidth_b_per_s=Quantity(bandwidth, "B/s", ("t",)),
        last_level_cache_b=Quantity(2.0**20, "B", ("t",)),
        tdp_w=nothing,
        sources={},
    )


def test_the_data_sheet_is_a_roofline_too() -> None:
    _, (triad, product, other) = measured(TRIAD, GEMM, taken(0.1, BIG, case("lattice/dslash")))
    for result, share, limit in (
        (triad, 0.5, "data sheet bandwidth, Test"),
        (product, 0.5, "data sheet float64/matrix, Test"),  # the higher peak
        (other, 0.05, "data sheet bandwidth, Test"),
    ):
        sheet = roofline.datasheet(result, profile())
        assert sheet is not None
        assert sheet.value == pytest.approx(share)
        assert sheet.limit == limit


def test_the_data_sheet_binds_by_what_takes_longer() -> None:
    _, (result,) = measured(taken(0.04, PRODUCT, case("lattice/dslash")))
    sheet = roofline.datasheet(result, profile())
    assert sheet is not None
    assert sheet.value == pytest.approx(2e9 / 200e9 / 0.04)
    assert "float64/matrix" in sheet.limit


def test_a_triad_needs_no_peak_and_a_product_no_bandwidth() -> None:
    _, (triad, product, other) = measured(TRIAD, GEMM, taken(0.1, BIG, case("lattice/dslash")))
    shown: HardwareProfile | None
    for result, shown, value in ((triad, replace(profile(), peaks={}), 0.5), (product, profile(None), 0.5)):
        sheet = roofline.datasheet(result, shown)
        assert sheet is not None
        assert sheet.value == pytest.approx(value)
    for shown, reason in (
        (replace(profile(), peaks={}), "the data sheet of Test gives no float64 peak"),
        (profile(None), "the data sheet of Test gives no bandwidth"),
        (None, "no hardware profile"),
    ):
        sheet = roofline.datasheet(other, shown)
        assert sheet is not None
        assert sheet.value is None
        assert sheet.reason == reason


def test_what_counts_no_work_has_no_data_sheet() -> None:
    _, found = measured(
        taken(0.1, Work(0, 0, 1, 1, "call"), case("system/launch")),
        taken(0.1, BIG, case("system/transfer")),
        run(Outcome("wrong", reason="off", verdict=VERDICT, work=BIG), case("x/y")),
    )
    assert [roofline.datasheet(result, profile()) for result in found] == [None] * 3


def test_data_that_fit_the_cache_of_the_data_sheet_are_said_to() -> None:
    _, (large, small) = measured(TRIAD, taken(0.1, replace(BIG, memory_b=2**19), case("lattice/dslash")))
    sheets = [roofline.datasheet(result, profile()) for result in (large, small)]
    assert [sheet.in_cache for sheet in sheets if sheet] == [False, True]


def test_a_transfer_crosses_no_memory_limit() -> None:
    limits, found = measured(TRIAD, taken(0.1, replace(BIG, flop=0), case("system/transfer")))
    fraction = roofline.fraction(found[1], limits)
    assert fraction.value is None
    assert "cross the link" in (fraction.reason or "")


def test_arithmetic_alone_leaves_the_bandwidth_out() -> None:
    limits, found = measured(TRIAD, GEMM, taken(0.1, BIG, case("lattice/dslash")))
    alone = roofline.arithmetic(found[2], limits)
    assert alone.value == pytest.approx(2e7 / 100e9 / 0.1)
    assert alone.limit == "measured float64 GEMM"


def test_a_profile_tells_a_gpus_cache() -> None:
    assert roofline.last_level_cache(gpu(), profile()) == (2**20, None)
    assert roofline.last_level_cache(gpu(), None)[0] is None
    assert roofline.last_level_cache(replace(cpu(), caches=()), profile())[0] is None
