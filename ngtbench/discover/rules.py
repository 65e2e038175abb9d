"""Match rules of hardware profiles: what speaks for and against a device being of a model, and which rules clash."""

from collections.abc import Collection, Iterator

from ngtbench.model.machine import Cpu, Device, Gpu, HardwareProfile, Rule
from ngtbench.units import si

_WHOLE = (None, "off", "on (no slice)")  # what Gpu.mig says of a card that is no slice


def identified(device: Device, rule: Rule) -> bool:
    """Tell whether the rule knows this PCI id or this name."""
    return (isinstance(device, Gpu) and device.pci_id in rule.pci_ids) or _bare(device.name) in map(_bare, rule.names)


def against(device: Device, rule: Rule) -> tuple[str, ...]:
    """Return everything known of the device that contradicts the rule; what is unknown contradicts nothing."""
    return tuple(_against_gpu(device, rule) if isinstance(device, Gpu) else _against_cpu(device, rule))


def part(gpu: Gpu) -> str | None:
    """Name the MIG slice or compute partition that this device is, or None if it is a whole one."""
    if gpu.mig not in _WHOLE:
        return f"MIG slice {gpu.mig}"
    compute = (gpu.partition or "SPX").partition("/")[0]
    return None if compute == "SPX" else f"partition {gpu.partition}"


def guest(cpu: Cpu) -> str:
    """Return the hypervisor's name without its explanation."""
    return (cpu.hypervisor or "unknown").partition(" (")[0]


def clash(one: HardwareProfile, other: HardwareProfile) -> tuple[str, str] | None:
    """Return the key and value by which a device could be of both models, or None if some rule tells them apart."""
    a, b = one.match, other.match
    if one.kind != other.kind:
        return None
    names = sorted(set(map(_bare, a.names)) & set(map(_bare, b.names)), key=str)
    ids = sorted(set(a.pci_ids) & set(b.pci_ids))
    listed = [(a.pci_ids, b.pci_ids), (a.pci_subsystems, b.pci_subsystems), (a.pci_revisions, b.pci_revisions)]
    if one.kind != "rocm":  # AMD boards carry names that contradict nothing: see _against_gpu
        listed.append((tuple(map(str, map(_bare, a.names))), tuple(map(str, map(_bare, b.names)))))
    apart = any(x and y and not set(x) & set(y) for x, y in listed)
    apart = apart or any(x and y and (x[1] < y[0] or y[1] < x[0]) for x, y in ((a.memory_b, b.memory_b), (a.power_w, b.power_w)))
    apart = apart or any(x and y and x != y for x, y in ((a.family_model, b.family_model), (a.units, b.units)))
    if apart or not (names or ids):
        return None
    return ("match.pci_ids", ids[0]) if ids else ("match.names", str(names[0]))


def _against_gpu(gpu: Gpu, rule: Rule) -> Iterator[str]:
    yield from _unlisted("PCI id", gpu.pci_id, rule.pci_ids)
    yield from _unlisted("PCI subsystem", gpu.pci_subsystem, rule.pci_subsystems)
    yield from _unlisted("PCI revision", gpu.pci_revision, rule.pci_revisions)
    sliced = part(gpu) is not None  # names its slice, and has a share of units and memory
    if gpu.kind == "cuda" and not sliced:  # AMD's names come from the board maker's memory chip, spelled at will
        yield from _unlisted("name", _bare(gpu.name), [str(_bare(name)) for name in rule.names])
    if not sliced:
        yield from _outside("memory", gpu.memory_b, rule.memory_b, "B")
        yield from _outside("units", gpu.units, _exactly(rule.units), "")
    yield from _outside("default power limit", gpu.power_limit_default_w, rule.power_w, "W")


def _against_cpu(cpu: Cpu, rule: Rule) -> Iterator[str]:
    """Cores and memory are those of one socket."""
    sockets = cpu.sockets or 1
    yield from _unlisted("name", cpu.name, rule.names)
    if cpu.family is not None and cpu.model is not None and rule.family_model:
        yield from _unlisted("family/model", f"{cpu.family}/{cpu.model}", [rule.family_model])
    if cpu.cores is not None:
        yield from _outside("cores per socket", cpu.cores / sockets, _exactly(rule.units), "")
    if cpu.memory_b is not None:
        yield from _outside("memory per socket", cpu.memory_b / sockets, rule.memory_b, "B")


def _bare(name: str | None) -> str | None:
    """Drop the vendor that NVIDIA's drivers put before names since version 465 only."""
    return name and name.removeprefix("NVIDIA ")


def _exactly(value: int | None) -> tuple[int, int] | None:
    return None if value is None else (value, value)


def _unlisted(what: str, value: str | None, listed: Collection[str]) -> Iterator[str]:
    if value is not None and listed and value not in listed:
        yield f"{what} {value}, not {' or '.join(listed)}"


def _outside(what: str, value: float | None, bounds: tuple[float, float] | None, unit: str) -> Iterator[str]:
    if value is not None and bounds and not bounds[0] <= value <= bounds[1]:
        low, high = (si(bound, unit) for bound in bounds)
        yield f"{what} {si(value, unit)}, not {low if low == high else f'{low} to {high}'}"
