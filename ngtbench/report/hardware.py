"""Tables of machines: what they are, how they deviate, what could not be read, what they were measured to do."""

from collections.abc import Iterator, Sequence

from ngtbench.analysis import roofline
from ngtbench.model.comparison import Limit
from ngtbench.model.machine import Cpu, Device, Gpu, Machine
from ngtbench.report import wording
from ngtbench.report.systems import System
from ngtbench.report.tables import Cell, Table, cell, plain
from ngtbench.units import binary_bytes, percent, si

Row = tuple[Cell, ...]


def machines(systems: Sequence[System]) -> Table:
    """Return what each machine is, a column each."""
    columns = [_jobs(system) | _machine(system.machine) for system in systems]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [(cell(name, kind="name"), *(cell(*column.get(name, ["–"])) for column in columns)) for name in names]
    return Table("machines", "What they are", ("", *(system.label for system in systems)), plain(rows))


def devices(systems: Sequence[System]) -> Table:
    """Return every device with its profile and its deviations from it."""
    rows = [(cell(system.label), *_device(system, device)) for system in systems for device in system.machine.devices]
    columns = ("Machine", "Device", "Name", "State", "Hardware profile", "Deviations from its data sheet")
    return Table("deviations", "Devices and deviations", columns, plain(rows))


def missing(systems: Sequence[System]) -> Table:
    """Return what could not be read, and why, equal reasons together."""
    rows = []
    for system in systems:
        grouped: dict[tuple[str, str], list[str]] = {}
        for part, name, reason in _missing(system.machine):
            grouped.setdefault((part, reason), []).append(name)
        rows += [(cell(system.label), cell(part), cell(", ".join(names)), cell(why)) for (part, why), names in grouped.items()]
    return Table("missing", "Not read, and why", ("Machine", "Part", "What", "Why"), plain(rows), empty="Everything was read.")


def limits(systems: Sequence[System]) -> Table:
    """Return measured limits, each with the case that reached it and its share of the data sheet."""
    rows: list[Row] = []
    for system in systems:
        for device, found in system.limits.items():
            place = (cell(system.label), cell(device))
            measured = {"memory bandwidth": found.bandwidth} if found.bandwidth else {}
            measured |= {f"{dtype} arithmetic": limit for dtype, limit in found.flop.items()}
            rows += [(*place, *_limit(system, device, name, limit)) for name, limit in measured.items()]
            absent = [] if found.bandwidth else [("memory bandwidth", found.missing["bandwidth"])]
            absent += [] if found.flop else [("arithmetic", f"neither system/gemm nor system/fma measured on {device}")]
            rows += [
                (*place, cell(name), cell("not measured", kind="quiet"), cell("–"), cell("–"), cell(why)) for name, why in absent
            ]
    columns = ("Machine", "Device", "Limit", "Measured", "95 % interval", "Of the data sheet", "By")
    note = "The best validated system/triad, and system/gemm or system/fma, of the same device in all files of the system; every "
    note += "share below divides by these."
    return Table("limits", "Bandwidth and arithmetic", columns, plain(rows), note)


def _limit(system: System, device: str, name: str, limit: Limit) -> Row:
    profile = system.profiles.get(device)
    sheet = cell("no hardware profile", kind="quiet")
    if profile is not None:
        dtype = name.partition(" ")[0]
        peaks = [profile.bandwidth_b_per_s] if limit.unit == "B/s" else roofline.dense_peaks(profile, dtype)
        known = [peak.value for peak in peaks if peak.value]
        sheet = cell(percent(limit.value / max(known)), f"of {si(max(known), limit.unit)}") if known else cell("gives none")
    per_call, wall = limit.value * limit.interval.value, limit.interval
    interval = "none"
    if wall.low is not None and wall.high is not None:
        interval = f"{si(per_call / wall.high, limit.unit, 4)} to {si(per_call / wall.low, limit.unit, 4)}"
    return (
        cell(name),
        cell(si(limit.value, limit.unit, 4), kind="number"),
        cell(interval, *wording.basis(wall), kind="number"),
        sheet,
        cell(limit.case, limit.variant or "", limit.note),
    )


def _jobs(system: System) -> dict[str, list[str]]:
    """Return the jobs and hosts of a system, whose first machine stands for all in what follows."""
    hosts = sorted({machine.host.hostname for machine in system.machines})
    return {
        "Jobs": [f"{len(system.jobs)}: {', '.join(system.jobs) or 'none'}"],
        "Hosts": [f"{len(hosts)}: {', '.join(hosts)}"],
    }


def _machine(machine: Machine) -> dict[str, list[str]]:
    host, cpu, git = machine.host, machine.cpu, machine.git
    commit = f"commit {git.commit[:12]}{', with changes' if git.dirty else ''}" if git.commit else "commit unknown"
    levels = [f"L{c.level} {c.kind}: {c.instances} × {binary_bytes(c.size_b)}" for c in cpu.caches]
    counts = {"socket": cpu.sockets, "core": cpu.cores, "thread": cpu.threads}
    topology = [f"{'–' if n is None else n} {noun}{'' if n == 1 else 's'}" for noun, n in counts.items()]
    return {
        "System": [f"{host.distribution or host.system}, kernel {host.kernel}, {host.libc or 'libc unknown'}"],
        "Container, batch job": [f"container {host.container or '–'}, batch {host.scheduler or '–'}"],
        "Processor": [(cpu.name or "name unknown") + (" (a guest hides the model)" if cpu.name_hidden else ""), cpu.arch],
        "Topology": [", ".join(topology), f"{cpu.usable_threads} threads usable"],
        "Caches": levels or ["not read"],
        "Memory": [f"{binary_bytes(cpu.memory_b)}, {binary_bytes(cpu.usable_memory_b)} usable"],
        "SIMD, matrix": [" ".join(cpu.flags) or "none read"],
        "GPUs": [f"{gpu.id}: {wording.device_name(gpu)}" for gpu in machine.gpus] or ["none"],
        "Drivers": sorted({f"{gpu.driver or 'driver unknown'}, {gpu.runtime or 'runtime unknown'}" for gpu in machine.gpus})
        or ["–"],
        "Compilers": [f"{name}: {version}" for name, version in machine.compilers.items()] or ["none"],
        "Packages": [f"{name} {version}" for name, version in machine.packages.items()] or ["none"],
        "ngtbench": [machine.suite, commit],
        "Taken": [machine.taken_at],
    }


def _device(system: System, device: Device) -> Row:
    match = next((match for match in system.machine.matches if match.device == device.id), None)
    profile = system.profiles.get(device.id)
    named = profile.label if profile else match.profile if match else None
    why = match.reason if match else "the record holds no match"
    deviations = list(match.deviations) if match else []
    known = "none" if named and not (match and match.reason) else "not known"
    return (
        cell(device.id),
        cell(wording.device_name(device), kind="name"),
        cell(*_state(device)),
        cell(named or "none", why or ""),
        cell(*deviations, kind="warn") if deviations else cell(known, kind="quiet"),
    )


def _state(device: Device) -> list[str]:
    known = device.clock_hz is not None or device.clock_max_hz is not None
    clocks = f"clock {si(device.clock_hz, 'Hz')} now, {si(device.clock_max_hz, 'Hz')} at most" if known else "clock not read"
    if isinstance(device, Cpu):
        turbo = {True: "on", False: "off", None: "not read"}[device.turbo]
        return [clocks, f"governor {device.governor or 'not read'}, turbo {turbo}"]
    limited = f"power limit {si(device.power_limit_w, 'W')}, default {si(device.power_limit_default_w, 'W')}"
    return [clocks, limited if device.power_limit_w is not None else "power limit not read", *_sharing(device)]


def _sharing(gpu: Gpu) -> list[str]:
    ecc = {True: "on", False: "off", None: "not read"}[gpu.ecc]
    part = f"MIG {gpu.mig or 'not read'}" if gpu.kind == "cuda" else f"partition {gpu.partition or 'not read'}"
    others = "not read" if gpu.processes is None else str(gpu.processes)
    return [f"ECC {ecc}, {part}, other processes {others}"]


def _missing(machine: Machine) -> Iterator[tuple[str, str, str]]:
    parts = [("machine", machine.missing), ("git", machine.git.missing), ("host", machine.host.missing)]
    parts += [(device.id, device.missing) for device in machine.devices]
    for part, reasons in parts:
        for name, reason in reasons.items():
            yield part, name, reason
