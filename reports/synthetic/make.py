"""Make record files of four GPUs that do not exist, to show what a report of several machines looks like.

    python reports/synthetic/make.py FOLDER

Nothing here was measured. Every record is marked synthetic, which no option takes back: a report of such files says SYNTHETIC in
its title, over every table and on every chart, and refuses to show them beside measured ones. Names and figures are invented:
a call takes the larger of FLOP over a rate and bytes over a bandwidth, and 5 us, times a constant of each workload, with random
spread between jobs, launches and samples. Seeds are fixed: the same files are made each time.
"""  # fmt: skip

import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ngtbench import workloads
from ngtbench.model.case import Case, Resources, Work
from ngtbench.model.machine import Cache, Cpu, Git, Gpu, Host, Machine, Match
from ngtbench.model.record import Energy, Health, MachineRecord, Measurement, Outcome, Provenance, RunRecord, Verdict
from ngtbench.model.workload import Workload
from ngtbench.physics.rounding import STORAGE_B
from ngtbench.store import codec

JOBS, LAUNCHES, SAMPLES = 3, 2, 8
BETWEEN_JOBS, BETWEEN_LAUNCHES, WITHIN = 0.012, 0.006, 0.004  # log standard deviations
LATENCY_S = 5e-6
_INVENTED = "invented: this machine does not exist"


@dataclass(frozen=True)
class Card:
    """An invented GPU."""

    letter: str
    memory_b: int
    bandwidth_b_per_s: float
    flop_per_s: dict[str, float]
    power_w: float


CARDS = (
    Card("A", 40 * 10**9, 1.1e12, {"float64": 6e12, "float32": 1.2e13, "tf32": 7e13, "bfloat16": 1.4e14, "float16": 1.4e14}, 300),
    Card("B", 80 * 10**9, 2.4e12, {"float64": 2.2e13, "float32": 4e13, "tf32": 2e14, "bfloat16": 4e14, "float16": 4e14}, 600),
    Card("C", 120 * 10**9, 3.6e12, {"float64": 3e13, "float32": 5e13, "tf32": 1.7e14, "bfloat16": 3e14, "float16": 3e14}, 700),
    Card("D", 48 * 10**9, 7e11, {"float64": 1e12, "float32": 6e13, "tf32": 1.2e14, "bfloat16": 2.3e14, "float16": 2.3e14}, 300),
)


def main() -> None:
    """Write a file per card and job."""
    if len(sys.argv) != 2:
        sys.exit("usage: python reports/synthetic/make.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for card in CARDS:
        for job in range(JOBS):
            path = folder / f"gpu-{card.letter.lower()}-job-{job + 1}.jsonl"
            machine = machine_of(card, job)
            digest = codec.digest(machine)
            lines = [MachineRecord(digest, machine), *runs(card, job, digest)]
            path.write_text("".join(codec.to_json(line) + "\n" for line in lines), encoding="utf-8")


def runs(card: Card, job: int, digest: str) -> Iterator[RunRecord]:
    """Yield the records of one job."""
    day = np.random.default_rng([ord(card.letter), job]).normal(0.0, BETWEEN_JOBS)
    for number, (case, workload) in enumerate(cases()):
        work = workload.work(workloads.size(workload, case.size), STORAGE_B[case.dtype])
        for launch in range(LAUNCHES):
            rng = np.random.default_rng([ord(card.letter), job, number, launch])
            outcome = _outcome(card, case, work, workload, day, number, rng)
            when = f"2026-11-{10 + job:02d}T00:{number % 60:02d}:{launch:02d}+00:00"
            origin = Provenance(
                when, 1.0, "0", None, None, "ported", {}, job=f"synthetic job {card.letter}{job + 1}", synthetic=True
            )
            yield RunRecord(case, Resources("cuda:0", 16, False), launch, 1 + launch, digest, outcome, origin)


def cases() -> Iterator[tuple[Case, Workload]]:
    """Yield what a GPU's quick suite has, of implementations in torch and CuPy, and the full sizes of the bandwidth test."""
    for name in workloads.names():
        workload = workloads.load(name)
        if workload.repeat != "calls":
            continue
        for size in dict.fromkeys(("M", *workload.quick_gpu, *(("S",) if name.startswith("lattice") else ()))):
            for impl in workload.impls:
                for dtype in impl.dtypes or tuple(workload.tolerance):
                    if size in workload.sizes and impl.backend in ("torch", "cupy") and {"gpu", "cuda"} & set(impl.devices):
                        yield Case(name, workload.version, size, impl.name, dtype), workload


def _outcome(
    card: Card, case: Case, work: Work, workload: Workload, day: float, number: int, rng: np.random.Generator
) -> Outcome:
    if work.memory_b > card.memory_b:
        return Outcome("skipped", reason=f"needs {work.memory_b} B, the device has {card.memory_b} B ({_INVENTED})")
    if card.letter == "D" and case.workload == "generators/helicity_sampled":
        return Outcome("failed", reason=f"signal 9 (SIGKILL) ({_INVENTED})")
    bound_s = max(work.flop / card.flop_per_s.get(case.dtype, 1e12), work.bytes / card.bandwidth_b_per_s, LATENCY_S)
    reached = 0.35 + 0.55 * np.random.default_rng([ord(card.letter), *case.workload.encode(), *case.impl.encode()]).random()
    spread = day + rng.normal(0.0, BETWEEN_LAUNCHES)
    wall = bound_s / reached * np.exp(spread + rng.normal(0.0, WITHIN, SAMPLES))
    samples = tuple(float(f"{x:.5g}") for x in wall)
    window_s = sum(samples)
    taken = Measurement(
        series={"wall_s": samples},
        at_s=tuple(float(f"{x:.5g}") for x in np.concatenate(([0.0], np.cumsum(wall)[:-1]))),
        calls=1,
        warmup_s=0.1,
        warmup_calls=10,
        build_s=0.1,
        timer=_INVENTED,
        timer_resolution_s=1e-9,
        overhead_s=0.0,
        energy=Energy(float(f"{0.8 * card.power_w * window_s:.4g}"), window_s, 0.15 * card.power_w, None, _INVENTED),
        before=Health(),
        after=Health(),
        timed_s=window_s,
    )
    tolerance = workload.tolerance.get(case.dtype, 1e-6)
    check = "full" if workload.reference else "invariants"
    verdict = Verdict(True, check, 0.1 * tolerance, tolerance, None, {}, "0" * 16)
    metrics = workload.metrics or ()
    return Outcome("done", measurement=taken, verdict=verdict, work=work, metrics=metrics)


def machine_of(card: Card, job: int) -> Machine:
    """Return the invented machine of a card, on another host for each job."""
    known = {
        "id": "cuda:0",
        "kind": "cuda",
        "name": f"Example GPU {card.letter} (synthetic)",
        "vendor": "Example",
        "memory_b": card.memory_b,
        "uuid": f"GPU-synthetic-{card.letter}{job + 1}",
    }
    names = [field.name for field in fields(Gpu) if field.name not in (*known, "missing")]
    # A mapping has no types by key: the fields are those of Gpu, and the constructor refuses any other.
    gpu = Gpu(**known, **dict.fromkeys(names), missing=dict.fromkeys(names, _INVENTED))  # type: ignore[arg-type]
    nothing = {"container": _INVENTED, "scheduler": _INVENTED, "distribution": _INVENTED, "libc": _INVENTED}
    return Machine(
        taken_at=f"2026-11-{10 + job:02d}T00:00:00+00:00",
        suite="0",
        git=Git(None, None, None, dict.fromkeys(("commit", "branch", "dirty"), _INVENTED)),
        host=Host(f"synthetic-{card.letter.lower()}{job + 1}", "none", "none", None, None, None, None, nothing),
        cpu=_processor(),
        gpus=(gpu,),
        matches=(Match("cpu:0", None, (), _INVENTED), Match("cuda:0", None, (), _INVENTED)),
        compilers={},
        packages={},
        missing={"compilers": _INVENTED, "packages": _INVENTED},
    )


def _processor() -> Cpu:
    known = {
        "id": "cpu:0",
        "name": "Example processor (synthetic)",
        "name_hidden": False,
        "arch": "x86_64",
        "threads": 16,
        "usable_threads": 16,
        "affinity": tuple(range(16)),
        "caches": (Cache(3, "unified", 2**25, 1, 64),),
        "numa": (),
        "flags": (),
    }
    names = [field.name for field in fields(Cpu) if field.name not in (*known, "missing", "kind")]
    # As for the GPU: a mapping has no types by key.
    return Cpu(**known, **dict.fromkeys(names), missing=dict.fromkeys(names, _INVENTED))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
