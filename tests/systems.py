"""Record files of made systems: several jobs, families and endings, for tests of pages."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ngtbench.model.case import Case, Work
from ngtbench.model.machine import Machine
from ngtbench.model.record import Energy, Outcome, RunRecord
from ngtbench.store.read import Reading
from tests.machines import gpu, machine
from tests.records import STEADY, VERDICT, case, done, measurement, run

PRODUCT = Work(flop=2 * 10**8, bytes=24 * 10**5, memory_b=24 * 10**5, events=10**5, event="element")
BIG = Work(flop=2 * 10**7, bytes=24 * 10**7, memory_b=24 * 10**7, events=10**7, event="element")
SENSOR = Energy(50.0, 0.5, 60.0, 1.0, "NVML counter")
CASES = (
    case(impl="numpy"),
    case(impl="numba"),
    case("system/gemm"),
    case("lattice/wilson_dslash", size="S"),
    case("lattice/wilson_dslash", size="S", dtype="float32"),
    case("ml/jet_mlp"),
)
Change = Callable[[Case, Outcome], Outcome]


@dataclass(frozen=True)
class Made:
    """A system as records of its jobs: speeds of families over those of a plain one."""

    name: str
    speeds: dict[str, float]
    jobs: int = 3
    change: Change = lambda of, outcome: outcome
    energy: bool = False


def readings(
    systems: Sequence[Made], cases: Sequence[Case] = CASES, launches: int = 3, samples: int = 44, synthetic: bool = False
) -> tuple[list[Reading], list[str | None]]:
    """Return a file per job, with the system that each is of."""
    files: list[Reading] = []
    labels: list[str | None] = []
    for number, made in enumerate(systems):
        place = machine(replace(gpu(), name=made.name), hostname=f"node-{number}")
        for job in range(made.jobs):
            files.append(_job(made, place, f"{number}-{job}", cases, launches, samples, synthetic))
            labels.append(made.name)
    return files, labels


def _job(made: Made, place: Machine, name: str, cases: Sequence[Case], launches: int, samples: int, synthetic: bool) -> Reading:
    runs: list[RunRecord] = []
    for of in cases:
        for launch in range(launches):
            one = run(_outcome(made, of, name, launch, samples), of=of, launch=launch)
            origin = replace(one.provenance, job=f"slurm {name}", synthetic=synthetic)
            runs.append(replace(one, machine=name, provenance=origin))
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Reading(Path(f"{name}.jsonl"), digest, {name: place}, (), tuple(runs), ())


def _outcome(made: Made, of: Case, name: str, launch: int, samples: int) -> Outcome:
    """Return times that differ a little from job to job and launch to launch, the same every time."""
    noise = int.from_bytes(hashlib.sha256(f"{name} {launch} {of.id}".encode()).digest()[:4], "big") / 2**32 - 0.5
    job = int(name.rpartition("-")[2]) % 3 - 1
    slower = (1 + 0.01 * job) * (1 + 0.01 * noise) / made.speeds.get(of.workload.partition("/")[0], 1.0)
    taken = measurement([slower * x for x in STEADY[:samples]])
    taken = replace(taken, energy=SENSOR) if made.energy else taken
    work = BIG if of.workload == "system/triad" else PRODUCT
    return made.change(of, replace(done(work=work), measurement=taken))


def endings(of: Case, outcome: Outcome) -> Outcome:
    """Make one case wrong, one failed, one skipped."""
    if of.workload == "ml/jet_mlp":
        return Outcome("wrong", reason="off by 1", verdict=replace(VERDICT, passed=False, error=1.0))
    if of.dtype == "float32":
        return Outcome("failed", reason="signal 9 (SIGKILL)")
    return Outcome("skipped", reason="no numba", remedy="pip install numba") if of.impl == "numba" else outcome
