"""Records of the machines that the fakes describe, full of names that an anonymised report must not hold."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from ngtbench.discover import profiles
from ngtbench.discover.machine import discover
from ngtbench.model.case import Selection
from ngtbench.model.comparison import Weights
from ngtbench.model.machine import Machine
from ngtbench.model.record import Energy, MachineRecord, Outcome, PlanRecord, RunRecord
from ngtbench.report.html import Report
from ngtbench.report.prices import Price
from ngtbench.report.published import Figure
from ngtbench.store import codec
from ngtbench.store.append import Writer
from ngtbench.store.read import Reading, read
from tests.fakes import drivers
from tests.fakes.host import HERE, HOSTS, build
from tests.records import STEADY, case, done, measurement, run

HOST = "lxnode{}.jqx.cern.ch"
EQUAL = Weights("equal", "no family preferred", "nobody", {})
WORDS = (
    "jqxsmith",
    "huawei",
    "fujitsu",
    "ascend910",
    "mi300x",
    "rocblas",
    "cublaslt",
    "nvhpc",
    "onemkl",
    "groq",
    "sm90a",
    "rtx6000",
)  # names that no list of vendors needs to hold
_PLAIN = {"pcie", "gb", "core", "processor", "cpu", "gpu", "of", "device", "mb", "ram", "memory", "hbm3", "generic", "pro"}
_PLAIN |= {"one", "with", "mig", "card", "die", "dual", "slot"}


def fakes(folder: Path) -> list[Machine]:
    """Return a machine for every fake GPU, the hosts in turn below them."""
    found = []
    hosts = cycle(HOSTS)
    for name in drivers.CARDS:
        found.append(discover(build(next(hosts), folder / name), nvml=drivers.nvml(name)))
    for name in drivers.AMD:
        source, amdsmi = drivers.amd(name, folder / name, next(hosts))
        found.append(discover(source, amdsmi=amdsmi))
    return [
        replace(
            machine,
            host=replace(machine.host, hostname=HOST.format(n), kernel="6.1.0-jqx", scheduler="slurm job 4711"),
            git=replace(machine.git, commit="c0ffee" * 6, branch="jqx/topic"),
            compilers={"nvcc": "nvcc 12.4.99", "hipcc": "hipcc 6.2.99"},
            packages={"cupy-cuda12x": "13.4.99"},
        )
        for n, machine in enumerate(found)
    ]


def runs(machine: Machine, job: str) -> Iterator[RunRecord]:
    """Yield a run per device, one that failed and one that was skipped, all in the words of their vendors."""
    reason = f"cuBLAS on {machine.host.hostname}: /users/jqx/x.py: {machine.gpus[0].name} says CUDA_ERROR 999; ran out of memory"
    spoken = replace(measurement(STEADY), energy=Energy(2.0, 1.0, 0.5, 0.1, "NVML counter", "an amd_energy remark"))
    for device in machine.devices:
        impl, variant = ("numpy", "AVX-512, 2 passes") if device.kind == "cpu" else ("cupy", "cuBLAS 12.4, tf32")
        for workload in ("system/triad", "system/gemm"):
            outcome = replace(done(), measurement=spoken, variant=variant)
            yield run(outcome, case(workload, impl), device.id, threads=machine.cpu.usable_threads)
    yield run(Outcome("failed", reason=reason, variant="hipBLAS"), case(impl="cupy-mixed"), machine.gpus[0].id)
    yield run(Outcome("skipped", reason="no ROCm", remedy="buy a Radeon"), case(impl="rtc"), "rocm:77")


def fill(machine: Machine, path: Path, job: str) -> Reading:
    """Write a record file and read it."""
    digest = codec.digest(machine)
    records = [
        replace(
            one,
            machine=digest,
            provenance=replace(
                one.provenance,
                job=job,
                worker="/users/jqx/ngtbench",
                redone=("the NVIDIA driver was reset",),
                environment={"OMP_NUM_THREADS": "8", "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "ROCR_VISIBLE_DEVICES": "0"},
            ),
        )
        for one in runs(machine, job)
    ]
    asked = Selection(impls=("cupy",), devices=("cuda",), workload_dir="/users/jqx/workloads")
    plan = PlanRecord(asked, 1, (*(one.key for one in records), "system/triad@1/S/cupy/float64 on cuda:5 x8 #0"), digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Writer(path) as writer:
        writer.append(MachineRecord(digest, machine))
        writer.append(plan)
        for record in records:
            writer.append(record)
    with path.open("a") as file:
        file.write('{"half')
    return read(path)


def report(machines: list[Machine], folder: Path) -> Report:
    """Return a report of these machines, with prices and published figures that name them."""
    readings = [fill(machine, folder / f"{n}" / "nvidia h200.jsonl", f"slurm-{4711 + n}") for n, machine in enumerate(machines)]
    labels = ["NVIDIA's offer", *[None] * (len(readings) - 1)]
    price = Price("NVIDIA's offer", 1e5, "CHF", "2026-11-01", 2, "offer of Dell", "quoted")
    published = (Figure("NVIDIA V100S", "triad", 1e12, "B/s", "github.com/someone"),)
    return Report(readings, labels, profiles.load(), published, [EQUAL], "NVIDIA's offer", prices=[price])


def tokens() -> set[str]:
    """Return every word of the fakes and of hardware files that names a vendor, a product, a host or one of them."""
    found = {"nvidia", "amd", "intel", "radeon", "instinct", "epyc", "xeon", "cupy", "cublas", "hipblas", "rocm", "nvml", "avx"}
    found |= {
        "jqx",
        "cern",
        "lxnode0",
        "slurm",
        "4711",
        "dell",
        "v100s",
        "qemu",
        "ptx",
        "nvcc",
        "hipcc",
        "home",
        "nvlink",
        "gfx942",
        "sm_90",
    }
    found |= set(re.findall(r"GPU-[0-9a-f-]+|MIG-[0-9a-f-]+|\b(?:10de|1002):[0-9a-f]{4}|gfx\w+|sm_\d+", _texts()))
    for profile in profiles.load().values():
        words = f"{profile.id} {profile.label} {profile.vendor} {profile.architecture} {' '.join(profile.match.names)}"
        found |= {word for word in re.split(r"[\s/()-]+", words.lower()) if re.search(r"[a-z]", word)}
        found |= {profile.id, *profile.match.pci_ids}
    for text in re.findall(r'"(?:nvmlDeviceGetName|nvmlDeviceGetUUID|model name|vendor_id)": "([^"]+)"', _texts()):
        found |= {text.lower(), *(word for word in text.lower().split() if re.search(r"[a-z]", word))}
    found |= set(re.findall(r'"(?:nvmlSystemGetDriverVersion)": "([^"]+)"', _texts()))
    return {token for token in map(str.lower, found) if len(token) > 1 and not set(re.split(r"[\s-]+", token)) <= _PLAIN}


def leaks(text: str) -> list[str]:
    """Return the tokens that stand in a text as words."""
    known = "|".join(sorted(map(re.escape, tokens()), key=len, reverse=True))
    return sorted(set(re.findall(rf"(?<![a-z0-9])(?:{known})(?![a-z0-9])", text.lower())))


def _texts() -> str:
    files = [*(HERE / "nvidia").glob("*.json"), *(HERE / "amd").glob("*.json"), *(HERE / "hosts").glob("*.json")]
    return "\n".join(json.dumps(json.loads(path.read_text(encoding="utf-8"))) for path in files)
