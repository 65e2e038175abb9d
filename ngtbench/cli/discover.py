"""`ngtbench discover`: what this machine is, what could not be read, and why."""

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from ngtbench.discover.machine import discover
from ngtbench.model.machine import Cpu, Gpu, Machine, Missing
from ngtbench.model.record import MachineRecord
from ngtbench.store import codec
from ngtbench.units import binary_bytes, si

Rows = list[tuple[str, str]]


def command(json: Annotated[bool, typer.Option("--json", help="Print the machine line of a record file")] = False) -> int:
    """Print this machine."""
    machine = discover()
    if json:
        sys.stdout.write(codec.to_json(MachineRecord(codec.digest(machine), machine)) + "\n")
    else:
        show(machine, Console(highlight=False))
    return 0


def show(machine: Machine, out: Console) -> None:
    """Print a machine as sections of two columns."""
    for title, rows in _sections(machine):
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(width=max(15, *(min(len(name), 24) for name, _ in rows)), overflow="fold")
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(escape(name), escape(value))
        out.print(title, style="bold", markup=False)
        out.print(Padding(table, (0, 0, 0, 2)))


def _sections(machine: Machine) -> Iterator[tuple[str, Rows]]:
    yield "machine", _host(machine)
    yield "cpu:0", _cpu(machine.cpu)
    yield "limits of this process", _limits(machine.cpu)
    yield "caches", _caches(machine.cpu)
    yield "NUMA", _numa(machine.cpu)
    for gpu in machine.gpus:
        yield gpu.id, _gpu(gpu)
    if not machine.gpus:
        yield "GPUs", [("none", f"{kind}: {machine.missing.get(f'gpus.{kind}', '–')}") for kind in ("cuda", "rocm")]
    yield "profiles", _matches(machine)
    yield "software", [*machine.compilers.items(), *machine.packages.items()]
    yield "not read, and why", list(_missing(machine))


def _host(machine: Machine) -> Rows:
    host, git = machine.host, machine.git
    commit = f"commit {git.commit[:12]}{' with changes' if git.dirty else ''}, branch {git.branch or '–'}" if git.commit else ""
    return [
        ("host", host.hostname),
        ("system", f"{host.distribution or host.system}, kernel {host.kernel}, {host.libc or 'libc unknown'}"),
        ("container", host.container or "–"),
        ("batch job", host.scheduler or "–"),
        ("ngtbench", ", ".join(part for part in (machine.suite, commit) if part)),
        ("taken", machine.taken_at),
    ]


def _cpu(cpu: Cpu) -> Rows:
    hidden = " (a guest hides the model)" if cpu.name_hidden else ""
    arm = cpu.arch == "aarch64"
    identity = "/".join("–" if n is None else f"{n:#x}" if arm else str(n) for n in (cpu.family, cpu.model, cpu.stepping))
    kind = "implementer/part/revision" if arm else "family/model/stepping"
    smt = {True: "SMT on", False: "SMT off", None: "SMT unknown"}[cpu.smt]
    return [
        ("name", f"{cpu.name or '–'}{hidden}"),
        ("identity", f"{cpu.vendor or '–'} {cpu.arch}, {kind} {identity}"),
        ("topology", f"{_count(cpu.sockets, 'socket')}, {_count(cpu.cores, 'core')}, {_count(cpu.threads, 'thread')}, {smt}"),
        ("clock", f"{si(cpu.clock_hz, 'Hz')} now, {si(cpu.clock_max_hz, 'Hz')} at most"),
        ("governor, turbo", f"{cpu.governor or '–'}, {_switch(cpu.turbo)}"),
        ("hypervisor", cpu.hypervisor or "–"),
        ("memory", binary_bytes(cpu.memory_b)),
        ("SIMD, matrix", " ".join(cpu.flags) or "–"),
    ]


def _limits(cpu: Cpu) -> Rows:
    return [
        ("threads", str(cpu.usable_threads)),
        ("affinity", f"CPUs {_ranges(cpu.affinity)}"),
        ("CPU quota", "–" if cpu.quota_cpus is None else f"{cpu.quota_cpus:g} CPUs"),
        ("memory", binary_bytes(cpu.usable_memory_b)),
    ]


def _caches(cpu: Cpu) -> Rows:
    rows = [
        (f"L{cache.level} {cache.kind}", f"{cache.instances} × {binary_bytes(cache.size_b)}, lines of {cache.line_b or '–'} B")
        for cache in cpu.caches
    ]
    return rows or [("–", "see below")]


def _numa(cpu: Cpu) -> Rows:
    rows = [
        (f"node {node.node}", f"{binary_bytes(node.memory_b)}, {f'CPUs {_ranges(node.cpus)}' if node.cpus else 'no CPU'}")
        for node in cpu.numa
    ]
    return rows or [("–", "see below")]


def _gpu(gpu: Gpu) -> Rows:
    limits = [f"{si(watts, 'W')} {name}" for name, watts in _power(gpu).items()]
    throttle = "–" if gpu.throttle is None else ", ".join(gpu.throttle) or "none"
    lanes = f"gen {_or(gpu.pcie_gen)} ×{_or(gpu.pcie_width)} now, gen {_or(gpu.pcie_gen_max)} ×{_or(gpu.pcie_width_max)} at most"
    units = "SMs" if gpu.kind == "cuda" else "CUs"
    part = f"MIG {gpu.mig or '–'}" if gpu.kind == "cuda" else f"partition {gpu.partition or '–'}"
    return [
        ("name", f"{gpu.name or '–'}, {_or(gpu.units)} {units}, {gpu.compute_target or '–'}"),
        (
            "PCI",
            f"{gpu.pci_id or '–'} rev {gpu.pci_revision or '–'}, board {gpu.pci_subsystem or '–'}, at {gpu.pci_address or '–'}",
        ),
        ("uuid", gpu.uuid or "–"),
        ("memory", f"{binary_bytes(gpu.memory_b)}, {binary_bytes(gpu.memory_free_b)} free, ECC {_switch(gpu.ecc)}"),
        ("clock", f"{si(gpu.clock_hz, 'Hz', 4)} now, {si(gpu.clock_max_hz, 'Hz', 4)} at most"),
        ("memory clock", f"{si(gpu.memory_clock_hz, 'Hz', 4)} now, {si(gpu.memory_clock_max_hz, 'Hz', 4)} at most"),
        ("power limit", ", ".join(limits)),
        ("held back by", throttle),
        ("sharing", f"{part}, MPS {_switch(gpu.mps)}, other processes {_or(gpu.processes)}"),
        ("links", f"PCIe {lanes}; {_or(gpu.links)} {'NVLinks' if gpu.kind == 'cuda' else 'Infinity Fabric links'}"),
        ("temperature", si(gpu.temperature_c, "°C")),
        ("driver", f"{gpu.driver or '–'}, {gpu.runtime or '–'}"),
    ]


def _power(gpu: Gpu) -> dict[str, float | None]:
    return {"set": gpu.power_limit_w, "default": gpu.power_limit_default_w, "enforced": gpu.power_limit_enforced_w}


def _matches(machine: Machine) -> Rows:
    rows = []
    for match in machine.matches:
        said = [match.profile or "none", *match.deviations, *([match.reason] if match.reason else [])]
        rows.append((match.device, "\n".join(said)))
    return rows


def _missing(machine: Machine) -> Iterator[tuple[str, str]]:
    """Return (what, why), everything of one part with one reason in one row."""
    parts: list[tuple[str, Missing]] = [("", machine.missing), ("git ", machine.git.missing), ("", machine.host.missing)]
    parts += [(f"{device.id} ", device.missing) for device in machine.devices]
    for owner, missing in parts:
        grouped: dict[str, list[str]] = {}
        for name, reason in missing.items():
            family, _, rest = name.partition(".")
            key = f"{family}\0{reason}" if family in ("compilers", "packages") else reason
            grouped.setdefault(key, []).append(rest if family in ("compilers", "packages") else name)
        for key, names in grouped.items():
            family, _, reason = key.rpartition("\0")
            yield f"{owner}{family}{': ' if family else ''}{', '.join(names)}", reason


def _count(number: int | None, noun: str) -> str:
    return f"{_or(number)} {noun}{'' if number == 1 else 's'}"


def _or(value: int | None) -> str:
    return "–" if value is None else str(value)


def _switch(value: bool | None) -> str:
    return {True: "on", False: "off", None: "–"}[value]


def _ranges(numbers: Iterable[int]) -> str:
    """Write numbers as the kernel does: 0, 1, 2, 5 as "0-2,5"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)
