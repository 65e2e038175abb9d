"""Machines and data sheets with stand-ins for their names; their numbers stay."""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import fields, replace

from ngtbench.model.machine import (
    Cpu,
    Device,
    Git,
    Gpu,
    HardwareProfile,
    Host,
    Machine,
    Match,
    Missing,
    Peak,
    Quantity,
    Rule,
)
from ngtbench.report.anonymous_names import Names
from ngtbench.report.withheld import StandIns

WITHHELD = "withheld"
_UNITS = {"B", "B/s", "W", "Hz", "FLOP", "FLOP/s", "OP", "OP/s", "core", "generation", "lane"}  # all others tell whose they are
_ID = re.compile(r"\b[a-z]+:\d+\b")
_CPU = re.compile(r"cpu:\d{1,3}", re.ASCII)
_PART = re.compile(r"\b(?:SM|CU|GCD|XCD)(?=s?\b)")  # vendors' words for parts of their devices
_AS_ASKED = {"none", "app_clocks", "sync_boost", "display_clock"}  # no reason to worry, as analysis.results has them
_HELD = {"power": ("power", "ppt", "tdp", "tdc", "edc", "fppt"), "heat": ("therm", "hot", "temp", "heat", "fan")}
_GPU_TOLD = (
    "units", "memory_b", "memory_free_b", "clock_hz", "clock_max_hz", "memory_clock_hz", "memory_clock_max_hz", "power_limit_w",
    "power_limit_default_w", "power_limit_enforced_w", "power_limit_min_w", "power_limit_max_w", "ecc", "pcie_gen",
    "pcie_gen_max", "pcie_width", "pcie_width_max", "links", "processes", "temperature_c",
)  # fmt: skip


class Machines:
    """Gives machines, devices and profiles their stand-ins; `profiles` are those that machines may match."""

    def __init__(self, given: StandIns, names: Names, profiles: Mapping[str, HardwareProfile]) -> None:
        self._given = given
        self._names = names
        self._known = profiles
        self._used: dict[str, HardwareProfile] = {}
        self._models: dict[tuple[str, Hashable], str] = {}

    def profiles(self) -> dict[str, HardwareProfile]:
        """Return the profiles that the machines so far match, by their new ids."""
        return self._used

    def machine(self, old: Machine) -> Machine:
        """Return a machine; two machines are of one model afterwards if and only if they were before."""
        owners = {match.device: self._known.get(match.profile or "") for match in old.matches}
        ids = device_ids(device.id for device in old.devices)
        return Machine(
            taken_at=self._names.moment(old.taken_at),
            suite=self._names.version(old.suite),
            git=Git(self._names.commit(old.git.commit), None, old.git.dirty, {"branch": WITHHELD}),
            host=self._host(old.host),
            cpu=self._cpu(old.cpu, ids[old.cpu.id], owners.get(old.cpu.id)),
            gpus=tuple(self._gpu(gpu, ids[gpu.id], owners.get(gpu.id)) for gpu in old.gpus),
            matches=tuple(self._match(match, ids) for match in old.matches if match.device in ids),
            compilers={},
            packages={},
            missing=dict.fromkeys(("compilers", "packages"), WITHHELD),
        )

    def text(self, words: str, ids: Mapping[str, str]) -> str:
        """Return free text about a machine: ids of its devices and vendors' words for parts of them are replaced first."""
        words = _ID.sub(lambda found: ids.get(found[0], found[0]), words)
        return self._given.text(_PART.sub("unit", words))

    def _name(self, kind: str, what: Hashable, vendor: str) -> str:
        """Return "Device A1": of the vendor that was read where the model was seen first."""
        if (kind, what) not in self._models:
            self._models[kind, what] = f"{kind} {vendor}{self._given.number(f'{kind} {vendor}', what)}"
        return self._models[kind, what]

    def _vendor(self, name: str | None, owner: HardwareProfile | None) -> str:
        known = (name or (owner.vendor if owner else "") or "unknown").lower()
        return letters(self._given.number("vendor", known))

    def _host(self, old: Host) -> Host:
        gone = {name: WITHHELD for name in ("distribution", "container", "scheduler", "libc")}
        return Host(f"host {self._given.number('host', old.hostname)}", WITHHELD, WITHHELD, None, None, None, None, gone)

    def _cpu(self, old: Cpu, new_id: str, owner: HardwareProfile | None) -> Cpu:
        vendor = self._vendor(old.vendor, owner)
        return replace(
            old,
            id=new_id,
            name=self._name("Processor", old.name, vendor),
            vendor=f"Vendor {vendor}",
            arch=WITHHELD,
            flags=(),
            governor=None if old.governor is None else self._given.text(old.governor),
            family=None,
            model=None,
            stepping=None,
            hypervisor=None,
            missing=self._missing(old, ("family", "model", "stepping", "hypervisor")),
        )

    def _gpu(self, old: Gpu, new_id: str, owner: HardwareProfile | None) -> Gpu:
        vendor = self._vendor(old.vendor, owner)
        same = (old.name, old.memory_b, old.mig, old.partition)  # what tells models of GPUs apart, see analysis.results.model
        told = {name: getattr(old, name) for name in _GPU_TOLD}
        anew = {*_GPU_TOLD, "id", "kind", "name", "vendor", "throttle", "missing"}
        gone = [field.name for field in fields(Gpu) if field.name not in anew]
        return Gpu(
            id=new_id,
            kind="cuda",  # the format knows two kinds: one for all
            name=self._name("Device", same, vendor),
            vendor=f"Vendor {vendor}",
            throttle=None if old.throttle is None else tuple(map(held_back, old.throttle)),
            missing=self._missing(old, gone),
            **told,
            **dict.fromkeys(gone),
        )

    def _missing(self, old: Device, gone: Sequence[str]) -> Missing:
        known = {field.name for field in fields(old)} - set(gone)
        said = {name: self._given.text(reason) for name, reason in old.missing.items() if name in known}
        return said | dict.fromkeys(gone, WITHHELD)

    def _match(self, old: Match, ids: Mapping[str, str]) -> Match:
        return Match(
            device=ids[old.device],
            profile=self._profile(old.profile),
            deviations=tuple(self.text(words, ids) for words in old.deviations),
            reason=None if old.reason is None else self.text(old.reason, ids),
        )

    def _profile(self, name: str | None) -> str | None:
        if name is None or name in ("generic-cpu", "generic-gpu"):
            return name
        old = self._known.get(name)
        vendor = self._vendor(old.vendor if old else None, None)
        label = self._name("Data sheet", name, vendor)
        new_id = label.lower().replace(" ", "-")
        if old is not None:
            self._used[new_id] = _sheet(old, new_id, label, f"Vendor {vendor}")
        return new_id


def device_ids(old: Iterable[str]) -> dict[str, str]:
    """Return what the ids of a machine's devices become: GPUs are numbered through, whoever made them."""
    names = list(dict.fromkeys(old))
    gpus = [name for name in names if not name.startswith("cpu")]
    odd = [name for name in names if name not in gpus and not _CPU.fullmatch(name)]
    return {
        name: f"gpu:{gpus.index(name)}" if name in gpus else f"cpu:odd-{odd.index(name)}" if name in odd else name
        for name in names
    }


def held_back(reason: str) -> str:
    """Return why clocks were held back, in a word that no driver has to itself."""
    if "idle" in reason.lower() or reason in _AS_ASKED:
        return "idle"
    return next((word for word, signs in _HELD.items() if any(sign in reason.lower() for sign in signs)), "other")


def letters(number: int) -> str:
    """Return A to Z, AA, AB and so on for 1, 2 and so on."""
    first, last = divmod(number - 1, 26)
    return (letters(first) if first else "") + chr(ord("A") + last)


def _sheet(old: HardwareProfile, new_id: str, label: str, vendor: str) -> HardwareProfile:
    return HardwareProfile(
        id=new_id,
        label=label,
        kind="cpu" if old.kind == "cpu" else "cuda",
        vendor=vendor,
        architecture=WITHHELD,
        match=Rule(),
        units=_quantity(old.units),
        peaks={
            key: Peak(_quantity(peak.flop_per_s), _quantity(peak.flop_per_clock_per_unit), _quantity(peak.clock_hz))
            for key, peak in old.peaks.items()
        },
        memory_b=_quantity(old.memory_b),
        bandwidth_b_per_s=_quantity(old.bandwidth_b_per_s),
        last_level_cache_b=_quantity(old.last_level_cache_b),
        tdp_w=_quantity(old.tdp_w),
        sources={WITHHELD: WITHHELD},
        pcie_gen=None if old.pcie_gen is None else _quantity(old.pcie_gen),
        pcie_width=None if old.pcie_width is None else _quantity(old.pcie_width),
        caches_b={name: _quantity(size) for name, size in old.caches_b.items()},
    )


def _quantity(old: Quantity) -> Quantity:
    unit = old.unit if old.unit in _UNITS else "unit"
    return Quantity(None, unit, reason=WITHHELD) if old.value is None else Quantity(old.value, unit, (WITHHELD,))
