"""Hardware profiles: loading them, and finding the one that a device is of."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from ngtbench import shipped
from ngtbench.discover import faults, rules
from ngtbench.discover.deviations import deviations
from ngtbench.errors import ProfileError
from ngtbench.model.machine import Cpu, Device, Gpu, HardwareProfile, Match


def load(folder: Path | None = None) -> dict[str, HardwareProfile]:
    """Read every hardware file of a folder, or those that travel with the package.

    Raises ProfileError with the first fault and the number of others.
    """
    folder = folder or shipped.folder("hardware")
    profiles, found = faults.examine(folder)
    if found:
        more = f" (and {len(found) - 1} more: ngtbench check {folder})" if len(found) > 1 else ""
        raise ProfileError(found[0] + more)
    return profiles


def match(device: Device, profiles: Mapping[str, HardwareProfile]) -> Match:
    """Return the profile that a device is of, or the generic one with the reason, and all its deviations.

    PCI id or name propose a profile; PCI subsystem and revision, memory, units and default power limit may contradict it.
    Raises ProfileError where two profiles claim the device.
    """
    unfit = _nameless(device)
    proposed = [] if unfit else [p for p in profiles.values() if p.kind == device.kind and rules.identified(device, p.match)]
    doubts = {profile.id: rules.against(device, profile.match) for profile in proposed}
    found = [profile for profile in proposed if not doubts[profile.id]]
    _one_only(device, found)
    if len(found) == 1:
        return _matched(device, found[0])
    if len(found) > 1:
        unfit = f"{' or '.join(p.id for p in found)}: what tells them apart could not be read"
    elif proposed:
        unfit = "unknown variant: " + "; ".join(f"{name}, but {', '.join(doubts[name])}" for name in doubts)
    return Match(device.id, _generic(device), deviations(device, None), unfit or f"no profile knows {_identity(device)}")


def _matched(device: Device, profile: HardwareProfile) -> Match:
    sliced = rules.part(device) if isinstance(device, Gpu) else None
    if sliced:  # never the full profile: its peaks and bandwidth are those of the whole device
        reason = f"{sliced} of {profile.label}: the profile's numbers are those of the whole device"
        return Match(device.id, _generic(device), deviations(device, profile), reason)
    return Match(device.id, profile.id, deviations(device, profile))


def _nameless(device: Device) -> str | None:
    """Say why nothing can name this device's model."""
    if isinstance(device, Gpu):
        return None if device.name or device.pci_id else "neither PCI id nor name could be read"
    if device.name_hidden:
        return f"a guest (hypervisor {rules.guest(device)}) hides the model behind the name '{device.name}'"
    if device.arch == "aarch64" and device.hypervisor:
        return f"on Arm only core counts tell models apart, and a guest (hypervisor {rules.guest(device)}) shows any"
    return None if device.name else "the name could not be read"


def _one_only(device: Device, found: list[HardwareProfile]) -> None:
    for one, other in combinations(found, 2):
        if rules.clash(one, other):
            raise ProfileError(
                f"hardware/{one.id}.toml and hardware/{other.id}.toml: match: both claim {device.id}, {_identity(device)}: "
                "narrow one of the two rules, then run `ngtbench check hardware`"
            )


def _generic(device: Device) -> str:
    return "generic-cpu" if isinstance(device, Cpu) else "generic-gpu"


def _identity(device: Device) -> str:
    if isinstance(device, Cpu):
        return f"'{device.name}'" + ("" if device.family is None else f", family/model {device.family}/{device.model}")
    return f"'{device.name}', PCI {device.pci_id} revision {device.pci_revision or 'unknown'}"
