"""Records of sharing, node filling and event graphs, made up, for tests of what pages show of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement, product
from pathlib import Path

from ngtbench.model.case import Case, Metric, Work
from ngtbench.model.machine import Machine
from ngtbench.model.record import Outcome, RunRecord
from ngtbench.report.figures import Figure
from ngtbench.report.systems import System, systems
from ngtbench.report.tables import Table
from ngtbench.store.read import Reading
from tests.machines import gpu, machine
from tests.records import VERDICT, case, measurement, run

WORK = Work(flop=0, bytes=0, memory_b=1, events=16, event="event")
ROUNDS = 12
PROGRAMS = ("triad", "dslash", "infer")
SLOWER = {"triad": 1.9, "dslash": 1.6, "infer": 1.2, "train": 1.4}
_HIGHER = ("throughput_ratio", "fairness_ratio", "jain_ratio", "events_per_s", "gain_ratio")


def trials(metrics: Mapping[str, float], rounds: int = ROUNDS) -> Outcome:
    """Return a trial's outcome with these medians; rounds lie up to 5 % around them."""
    shares = [1 + 0.01 * ((7 * k) % 11 - 5) for k in range(rounds)]
    series = {name: tuple(value * share for share in shares) for name, value in metrics.items()}
    named = tuple(Metric(name, "higher" if name in _HIGHER else "lower") for name in metrics)
    taken = replace(measurement([1.0] * rounds), series=series)
    return Outcome("done", measurement=taken, verdict=VERDICT, work=WORK, metrics=named, variant="time slicing")


def clients(program: str, k: int, impl: str = "processes", rounds: int = ROUNDS) -> RunRecord:
    """Return what K copies of a program gave: streams a little more than processes."""
    rate = min(k, 1.0 + (0.2 if impl == "streams" else 0.05) * k * (2.0 - SLOWER[program] / 2))
    metrics = {
        "event_s": 1e-3 / rate,
        "throughput_ratio": rate,
        "slowdown_ratio": k / rate,
        "fairness_ratio": 1 - 0.03 * k,
        "jain_ratio": 1 - 0.01 * k,
        "latency_p50_s": 1e-3 * k / rate,
        "latency_p99_s": 2e-3 * k**1.2,
        "latency_p99_ratio": k**1.2 * (1.0 if impl == "processes" else 0.8),
    }
    return run(trials(metrics, rounds), of=case("sharing/clients", impl, "float32", f"M-{program}-k{k}"))


def beside(first: str, second: str, impl: str = "processes", rounds: int = ROUNDS) -> RunRecord:
    """Return what two programs did to each other."""
    share = 0.8 if impl == "streams" else 1.0
    slower = {"first": max(1.0, share * SLOWER[second]), "second": max(1.0, share * SLOWER[first])}
    metrics = {"first_event_s": 1e-3 * slower["first"], "second_event_s": 1e-3 * slower["second"]}
    for which, other in (("first", second), ("second", first)):
        metrics[f"{which}_slowdown_ratio"] = slower[which]
        metrics[f"{which}_latency_p99_ratio"] = 2 * SLOWER[other] * share
    metrics |= {"throughput_ratio": 1 / slower["first"] + 1 / slower["second"], "fairness_ratio": 0.9}
    return run(trials(metrics, rounds), of=case("sharing/interference", impl, "float32", pair(first, second)))


def pair(first: str, second: str) -> str:
    """Return the name of the size."""
    return "S" if (first, second) == ("dslash", "infer") else f"S-{first}-{second}"


def filled(jobs: int, impl: str = "native", single: bool = False) -> RunRecord:
    """Return what so many jobs gave of eight threads."""
    gain = 1 + 0.04 * jobs + 0.2 * single
    metrics = {
        "event_s": 0.02 / gain,
        "events_per_s": 50 * gain,
        "gain_ratio": gain,
        "fairness_ratio": 0.95,
        "memory_b": 2e8 * jobs,
        "memory_ratio": 0.9 * jobs,
    }
    size = "S-single" if single else {2: "S", 8: "M"}.get(jobs, f"S-jobs{jobs}")
    return run(trials(metrics), of=case("scheduling/node_fill", impl, size=size))


def flown(size: str, utilisation: float, impl: str = "native", threads: int = 8) -> RunRecord:
    """Return what an engine reached of the bound at a size of the event graph."""
    metrics = {
        "event_s": 0.02,
        "events_per_s": 50.0,
        "utilisation_ratio": 0.97 * utilisation,
        "utilisation_paced_ratio": utilisation,
        "latency_p50_s": 0.1,
        "latency_p99_s": 0.12,
    }
    return run(trials(metrics), of=Case("scheduling/event_graph", 2, size, impl, "float64"), threads=threads)


def every() -> list[RunRecord]:
    """Return records for every picture; of triad beside infer there is nothing but a failure of streams."""
    impls = ("processes", "streams")
    runs = [clients(program, k, impl) for program, k, impl in product(PROGRAMS, (2, 4, 8), impls)]
    pairs = [pair for pair in combinations_with_replacement(PROGRAMS, 2) if pair != ("triad", "infer")]
    runs += [beside(*pair, impl) for pair, impl in product(pairs, impls)]
    runs.append(run(Outcome("failed", reason="signal 9"), of=case("sharing/interference", "streams", "float32", "S-triad-infer")))
    runs += [filled(jobs) for jobs in (2, 4)] + [filled(8, single=True)]
    reached = {"S-slot1": 0.97, "S": 0.8, "S-slots16": 0.95}
    return runs + [
        flown(size, share - off, impl) for size, share in reached.items() for impl, off in (("native", 0), ("serial", 0.2))
    ]


def of(runs: Sequence[RunRecord], place: Machine | None = None, synthetic: bool = True) -> Reading:
    """Return a file of these records, on a machine."""
    kept = [replace(one, machine="m", provenance=replace(one.provenance, job="slurm 1", synthetic=synthetic)) for one in runs]
    return Reading(Path("shared.jsonl"), "5" * 64, {"m": place or machine(gpu())}, (), tuple(kept), ())


def made(*runs: RunRecord) -> tuple[System, ...]:
    """Return the system of these records."""
    return systems([of(runs)], {}, ["Alpha"])


def figures(parts: Iterable[object]) -> list[Figure]:
    """Return the charts among parts of a chapter."""
    return [part for part in parts if isinstance(part, Figure)]


def tables(parts: Iterable[object]) -> list[Table]:
    """Return the tables among them."""
    return [part for part in parts if isinstance(part, Table)]


def cells(table: Table) -> dict[tuple[str, ...], list[str]]:
    """Return what stands in each row by the first lines of its first two cells."""
    return {tuple(one.lines[0] for one in row.cells[:2]): [" ".join(one.lines) for one in row.cells[2:]] for row in table.rows}
