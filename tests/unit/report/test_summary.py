"""Five lines of a run, and a line of a case."""

from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench.analysis.results import results
from ngtbench.model.case import Work
from ngtbench.model.machine import Match
from ngtbench.model.record import Energy, Health, Outcome, RunRecord
from ngtbench.report import summary, wording
from tests.machines import gpu, machine
from tests.records import case, done, measurement, run, written

BIG = Work(flop=2 * 10**7, bytes=24 * 10**7, memory_b=24 * 10**7, events=1, event="element")
RUNS = (
    run(done([0.01] * 10, BIG)),
    run(done([0.02] * 10, replace(BIG, flop=2 * 10**9)), of=case("system/gemm")),
    run(Outcome("skipped", reason="no GPU"), of=case(impl="cupy"), device="gpu:0"),
)


def lines(tmp_path: Path, *runs: RunRecord) -> list[str]:
    return summary.five_lines(written(tmp_path / "a.jsonl", machine(gpu()), *runs))


def test_five_lines_that_matter(tmp_path: Path) -> None:
    assert lines(tmp_path, *RUNS) == [
        "machine    testhost: Test CPU, 8 of 8 threads usable, 64 GiB; 1 × Test GPU, 74.51 GiB",
        "cases      2 done, 0 wrong, 0 failed, 1 skipped",
        "bandwidth  cpu:0 24 GB/s by system/triad@1/M/numpy/float64; cuda:0 not measured (system/triad not measured on cuda:0)",
        "arithmetic cpu:0 float64 100 GFLOP/s; cuda:0 not measured (neither system/gemm nor system/fma measured)",
        "note       not known whether cpu:0, cuda:0 deviate: no data sheet matches, nothing was flagged",
    ]


def test_nothing_deviates_only_where_every_device_has_a_data_sheet(tmp_path: Path) -> None:
    known = (Match("cpu:0", "x"), Match("cuda:0", "y"))
    for matches, said in (
        (known, "nothing deviates, nothing was flagged"),
        (known[:1], "not known whether cuda:0 deviates: no data sheet matches, nothing was flagged"),
        ((known[0], Match("cuda:0", "generic-gpu", (), "unknown")), "not known whether cuda:0 deviates"),
    ):
        shown = summary.five_lines(written(tmp_path / f"{len(said)}.jsonl", replace(machine(gpu()), matches=matches), *RUNS))[-1]
        assert shown.startswith(f"note       {said}")


def test_the_worst_is_what_the_last_line_says(tmp_path: Path) -> None:
    flagged = run(replace(done(), measurement=replace(measurement(), flags={"not_converged": 0.2})), of=case(impl="a"))
    throttled = run(replace(done(), measurement=replace(measurement(), after=Health(throttle=("heat",)))), of=case(impl="b"))
    failed = run(Outcome("failed", reason="signal 9"), of=case(impl="c"))
    wrong = run(Outcome("wrong", reason="off by 1"), of=case(impl="d"))
    odd = replace(machine(), matches=(Match("cpu:0", "x", ("capped",)),))
    ends = [
        summary.five_lines(written(tmp_path / f"{n}.jsonl", host, *runs))[-1]
        for n, (host, runs) in enumerate(
            [
                (machine(), (flagged,)),
                (odd, (flagged,)),
                (odd, (flagged, throttled)),
                (odd, (flagged, throttled, failed)),
                (odd, (flagged, throttled, failed, wrong)),
            ]
        )
    ]
    words = ("not converged: half-width 20 %", "cpu:0 capped", "throttled, first", "failed: ", "wrong: ")
    assert [word in end for word, end in zip(words, ends, strict=True)] == [True] * 5


def test_a_case_in_one_line() -> None:
    assert summary.line(RUNS[0]) == (
        "done  system/triad@1/M/numpy/float64 on cpu:0 × 8 bound: time per call 10 ms (10 ms to 10 ms); "
        "2 GFLOP/s; 24 GB/s; 100 element/s"
    )
    assert summary.line(RUNS[2]) == "SKIPPED  system/triad@1/M/cupy/float64 on gpu:0 × 8: no GPU"


def test_what_is_neither_timed_nor_building_is_overhead() -> None:
    def taken(timed_s: float, build_s: float, start_s: float) -> RunRecord:
        outcome = replace(done(), measurement=replace(measurement(), timed_s=timed_s, build_s=build_s))
        return replace(run(outcome), provenance=replace(run().provenance, start_s=start_s))

    runs = [taken(20.0, 6.0, 8.0), taken(40.0, 2.0, 0.0), run(Outcome("failed", reason="signal 9"))]
    assert summary.overhead(runs, 100.0) == (
        "overhead   32% of 100 s was neither timed work nor building it, 26% without worker starts "
        "(worker starts 8.0 s, building 8.0 s, preparing and judging 24.0 s)"
    )
    assert summary.overhead([], 0.0).startswith("overhead   0% of 0 s")


def test_an_audit_is_summed_up_and_what_does_not_hold_is_named() -> None:
    small, large = (done([k * 1e-3] * 10, replace(BIG, flop=k * 10**6)) for k in (1, 2))
    runs = [
        run(small, of=case(impl="honest", size="S")),
        run(large, of=case(impl="honest", size="S~0")),
        run(small, of=case(impl="tuned", size="S")),
        run(done([3e-3] * 10, small.work or BIG), of=case(impl="tuned", size="S~0")),
        run(small, of=case(impl="learnt", size="S")),
        run(Outcome("wrong", reason="off by 1"), of=case(impl="learnt", size="S~seed")),
    ]
    assert summary.audit(results(runs)) == [
        "audit      1 of 3 cases hold near their size and with other seeds",
        "audit      wrong: system/triad@1/S/learnt/float64: right at S, wrong at S~seed (seed 1): off by 1",
        "audit      system/triad@1/S/tuned/float64: tuned to its shape: 200 % faster per unit of work than at sizes near it",
    ]


def test_flags_energy_and_thrown_away_tries_are_on_the_line() -> None:
    energy = Energy(2.0, 0.1, 30.0, 0.2, "NVML counter")
    flags = {"timer_coarse": 0.15, "throttled": 0.02, "other_streams": 0.3}
    outcome = replace(done([0.01] * 10, BIG), measurement=replace(measurement([0.01] * 10), flags=flags, energy=energy))
    said = summary.line(replace(run(outcome), provenance=replace(run().provenance, redone=("throttled for 40 %",))))
    for words in (
        "200 mJ per element ± 10 %",
        "timer coarse: a step is 15 % of a sample",
        "throttled for 2 % of the window",
        "worked on other streams for 30 % of the time",
        "1 tries thrown away: throttled for 40 %",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("wall_s", "s"),
        ("read_b_per_s", "B/s"),
        ("reached_b", "B"),
        ("sites_per_s", "/s"),
        ("acceptance_ratio", ""),
        ("mean_w", "W"),
    ],
)
def test_the_suffix_is_the_unit(metric: str, unit: str) -> None:
    assert wording.unit(metric) == unit
