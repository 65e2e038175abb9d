"""In what a device falls short of its profile, or of running undisturbed: one short sentence each, with both numbers."""

from collections.abc import Iterator

from ngtbench.discover import rules
from ngtbench.model.machine import Cpu, Device, Gpu, HardwareProfile
from ngtbench.units import si

_HARMLESS = {"gpu_idle", "idle", "none"}
_SLACK = 0.99  # power limits are compared to 1 %
_MEMORY_SLACK = 0.93  # drivers and ECC keep some memory for themselves, on GDDR6 a sixteenth


def deviations(device: Device, profile: HardwareProfile | None) -> tuple[str, ...]:
    """Return every deviation; without a profile only those that a device shows by itself."""
    return tuple(_cpu(device, profile) if isinstance(device, Cpu) else _gpu(device, profile))


def _cpu(cpu: Cpu, profile: HardwareProfile | None) -> Iterator[str]:
    known = profile and profile.units.value
    cores = round((cpu.sockets or 1) * known) if known else cpu.cores
    guest = f" (hypervisor {rules.guest(cpu)})" if cpu.hypervisor else ""
    if cores and cpu.cores and cpu.cores < cores:
        yield f"{cpu.cores} of {cores} cores visible{guest}"
    if cpu.hypervisor:
        yield f"hypervisor {rules.guest(cpu)}: clocks, caches and NUMA nodes may not be those of the host"
    if cpu.usable_threads < (cpu.cores or cpu.threads):
        quota = "" if cpu.quota_cpus is None else f", CPU quota {cpu.quota_cpus:g}"
        yield f"{cpu.usable_threads} of {cpu.threads} threads usable (affinity {len(cpu.affinity)}{quota})"
    if cpu.governor not in (None, "performance"):
        yield f"governor {cpu.governor}, not performance"
    if cpu.turbo is False:
        yield "turbo is off"


def _gpu(gpu: Gpu, profile: HardwareProfile | None) -> Iterator[str]:
    yield from _share(gpu, profile)
    yield from _power(gpu, profile)
    if gpu.ecc is False:
        yield "ECC is off"
    yield from _link(gpu, profile)
    if gpu.mps:
        yield "an MPS daemon may share the device"
    if gpu.processes:
        yield f"{gpu.processes} other process{'es' * (gpu.processes > 1)} on the device"
    held = [reason for reason in gpu.throttle or () if reason.lower() not in _HARMLESS]
    if held:
        yield f"clocks held back by {', '.join(held)}"


def _share(gpu: Gpu, profile: HardwareProfile | None) -> Iterator[str]:
    """Tell what part of the card this is."""
    units, memory_b = (profile.units.value, profile.memory_b.value) if profile else (None, None)
    kind = profile.units.unit if profile else ""
    slice_ = rules.part(gpu)
    if slice_ and profile and units and gpu.units:
        yield f"{slice_}: {gpu.units} of {units:g} {kind}s of {profile.id}"
    elif slice_:
        yield slice_
    elif units and gpu.units and gpu.units < units:
        yield f"{gpu.units} of {units:g} {kind}s"
    if not slice_ and memory_b and gpu.memory_b and gpu.memory_b < _MEMORY_SLACK * memory_b:
        yield f"memory {si(gpu.memory_b, 'B')} of {si(memory_b, 'B')}"
    if not slice_ and gpu.mig not in (None, "off"):
        yield f"MIG is {gpu.mig}"
    if not slice_ and gpu.partition not in (None, "SPX/NPS1"):
        yield f"partition {gpu.partition}, not SPX/NPS1"


def _power(gpu: Gpu, profile: HardwareProfile | None) -> Iterator[str]:
    """Compare AMD's limits with their default only: on Radeon they are the chip's, a data sheet's is the board's."""
    enforced = gpu.power_limit_enforced_w or gpu.power_limit_w
    default = gpu.power_limit_default_w
    sheet = profile.tdp_w.value if profile and gpu.kind == "cuda" else None
    if enforced and default and enforced < _SLACK * default:
        yield f"power limit {si(enforced, 'W')} of {si(default, 'W')}"
    elif enforced and sheet and enforced < _SLACK * sheet:
        yield f"power limit {si(enforced, 'W')} of the data sheet's {si(sheet, 'W')}"


def _link(gpu: Gpu, profile: HardwareProfile | None) -> Iterator[str]:
    """Compare lanes, and the generation at most: an idle link runs at generation 1."""
    width = (profile and profile.pcie_width and profile.pcie_width.value) or gpu.pcie_width_max
    generation = profile and profile.pcie_gen and profile.pcie_gen.value
    seen = [lanes for lanes in (gpu.pcie_width, gpu.pcie_width_max) if lanes]
    if width and seen and min(seen) < width:
        yield f"PCIe x{min(seen)} of x{width:g}"
    if generation and gpu.pcie_gen_max and gpu.pcie_gen_max < generation:
        yield f"PCIe generation {gpu.pcie_gen_max} of {generation:g}"
