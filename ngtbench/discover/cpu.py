"""What the processors are: identity, clocks and hypervisor from /proc and /sys, on x86, Arm and RISC-V."""

import re
import statistics
from collections.abc import Sequence

from ngtbench.discover import limits, topology
from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.source import Source
from ngtbench.discover.topology import Blocks
from ngtbench.model.machine import Cpu

_CPUS = "/sys/devices/system/cpu"
_ENOUGH = 8  # clocks read: some kernels sleep 10 ms per clock, and there may be hundreds
_VENDORS = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel", "HygonGenuine": "Hygon", "CentaurHauls": "VIA"}
_IMPLEMENTERS = {0x41: "Arm", 0x46: "Fujitsu", 0x48: "HiSilicon", 0x4E: "NVIDIA", 0x51: "Qualcomm", 0x61: "Apple", 0xC0: "Ampere"}
_PARTS = {  # Arm implementer and part, as in the Main ID Register of each core's manual
    (0x41, 0xD0C): "Neoverse N1",
    (0x41, 0xD40): "Neoverse V1",
    (0x41, 0xD49): "Neoverse N2",
    (0x41, 0xD4F): "Neoverse V2",
    (0x41, 0xD84): "Neoverse V3",
    (0x41, 0xD8E): "Neoverse N3",
    (0x46, 0x001): "A64FX",
    (0x48, 0xD01): "TaiShan v110",
    (0xC0, 0xAC3): "Ampere-1",
    (0xC0, 0xAC4): "Ampere-1a",
}
_RISCV_VENDORS = {0x489: "SiFive", 0x5B7: "T-Head", 0x710: "SpacemiT"}
# On Arm, family and model hold implementer and part, which is what identifies a core there.
_IDENTITY = {
    "family": ("cpu family", "CPU implementer"),
    "model": ("model", "CPU part"),
    "stepping": ("stepping", "CPU revision"),
}
_WIDE = {  # flags of SIMD and matrix units, by the key they stand under
    "flags": re.compile(r"(mmx|s?sse|avx|amx|fma|f16c|gfni|vaes|vpclmul)"),
    "Features": re.compile(r"(asimd|neon|sve|sme|bf16|i8mm|fphp)"),
    "isa": re.compile(r"zv"),
}
_GENERIC = re.compile(r"QEMU|KVM|\dxx\b")  # names that emulators make up, such as "Intel Xeon E312xx (Sandy Bridge)"
_MODEL_NUMBER = re.compile(r"\d{3}|\b\d[A-Z]\d\d\b")  # 7763, 8480+, or a cloud's own 7B13


def cpu(source: Source) -> Cpu:
    """Return all processors as the device cpu:0; raises nothing, for what fails stands in `missing`."""
    answers = Answers()
    blocks = blocks_of(answers("cpuinfo", source.text, "/proc/cpuinfo") or "")
    cpus = topology.online(source, blocks)
    name = answers("name", _name, source, blocks)
    family, model, stepping = (answers(key, _number, source, blocks, key) for key in _IDENTITY)
    cores = answers("cores", topology.siblings, source, cpus, blocks)
    if cores is None:
        answers.missing["smt"] = answers.missing["cores"]
    hypervisor = answers("hypervisor", _hypervisor, source, blocks)
    usable = sorted(source.affinity)
    quota = answers("quota_cpus", limits.quota_cpus, source)
    return Cpu(
        id="cpu:0",
        name=name,
        name_hidden=name is not None and _hidden(source, name),
        vendor=answers("vendor", _vendor, source, blocks),
        arch=source.arch,
        family=family,
        model=model,
        stepping=stepping,
        sockets=answers("sockets", topology.sockets, source, cpus, blocks),
        cores=cores[0] if cores else None,
        threads=len(cpus),
        smt=cores[1] if cores else None,
        usable_threads=limits.usable_threads(source, quota),
        affinity=tuple(usable),
        quota_cpus=quota,
        caches=topology.caches(source, cpus, answers),
        numa=topology.numa(source, answers),
        flags=answers("flags", _flags, blocks) or (),
        governor=answers("governor", _governor, source, usable),
        turbo=answers("turbo", _turbo, source),
        clock_hz=answers("clock_hz", _clock_hz, source, blocks, usable, hypervisor),
        clock_max_hz=answers("clock_max_hz", _clock_max_hz, source, usable),
        hypervisor=hypervisor,
        memory_b=answers("memory_b", limits.memory_b, source),
        usable_memory_b=answers("usable_memory_b", limits.usable_memory_b, source),
        missing=answers.missing,
    )


def blocks_of(cpuinfo: str) -> Blocks:
    """Return one key-value block per logical CPU; lines of the whole board, as Arm and RISC-V add, are no CPU's."""
    blocks = []
    for part in re.split(r"\n\s*\n", cpuinfo):
        pairs = (line.partition(":") for line in part.splitlines() if ":" in line)
        block = {key.strip(): value.strip() for key, _, value in pairs}
        if "processor" in block:
            blocks.append(block)
    return blocks


def _number(source: Source, blocks: Blocks, field: str) -> int:
    if source.arch == "riscv64":
        raise Unread("RISC-V has none; the isa string stands in flags")
    x86, arm = _IDENTITY[field]
    return int(_first(blocks, arm if source.arch == "aarch64" else x86), 0)


def _first(blocks: Blocks, key: str) -> str:
    for block in blocks:
        if block.get(key):
            return block[key]
    raise Unread(f"/proc/cpuinfo has no '{key}'")


def _name(source: Source, blocks: Blocks) -> str:
    if source.arch == "aarch64":
        cores = sorted({(int(b["CPU implementer"], 0), int(b["CPU part"], 0)) for b in blocks if "CPU part" in b})
        if not cores:
            raise Unread("/proc/cpuinfo has no 'CPU part'")
        return " + ".join(_PARTS.get(core, f"Arm implementer {core[0]:#x} part {core[1]:#x}") for core in cores)
    return _first(blocks, "uarch" if source.arch == "riscv64" else "model name")


def _vendor(source: Source, blocks: Blocks) -> str:
    if source.arch == "aarch64":
        implementer = int(_first(blocks, "CPU implementer"), 0)
        return _IMPLEMENTERS.get(implementer, f"{implementer:#x}")
    if source.arch == "riscv64":
        number = int(_first(blocks, "mvendorid"), 0)
        return _RISCV_VENDORS.get(number, f"{number:#x}")
    name = _first(blocks, "vendor_id")
    return _VENDORS.get(name, name)


def _hidden(source: Source, name: str) -> bool:
    """Tell whether a guest shows a name without a model number, e.g. "AMD EPYC" or "Intel Xeon Processor (Skylake)"."""
    if source.arch != "x86_64":
        return False
    return bool(_GENERIC.search(name)) or not _MODEL_NUMBER.search(name)


def _flags(blocks: Blocks) -> tuple[str, ...]:
    """Return the SIMD and matrix flags; on RISC-V the base isa string and the vector extensions."""
    for key in ("flags", "Features"):
        if any(key in block for block in blocks):
            return tuple(sorted(flag for flag in set(_first(blocks, key).split()) if _WIDE[key].match(flag)))
    isa, *extensions = _first(blocks, "isa").split("_")
    return (isa, *sorted(extension for extension in extensions if _WIDE["isa"].match(extension)))


def _hypervisor(source: Source, blocks: Blocks) -> str:
    """Name the hypervisor; the CPU flag decides on x86, firmware names elsewhere.

    Raises Unread where nothing points to one.
    """
    flagged = any("hypervisor" in block.get("flags", "").split() for block in blocks)
    xen = source.optional("/sys/hypervisor/type")
    firmware = [source.optional(f"/sys/class/dmi/id/{name}") or "" for name in ("sys_vendor", "product_name")]
    named = " ".join(word for word in firmware if word)
    guest = re.search(
        r"QEMU|KVM|VMware|VirtualBox|Xen|Bochs|Virtual Machine|Google Compute|Amazon EC2(?!.*metal)|OpenStack", named
    )
    if flagged or (guest and source.arch != "x86_64") or source.exists("/proc/device-tree/hypervisor"):
        return xen or named or "unnamed (the CPU says only that there is one)"
    raise Unread("none: nothing points to one")


def _governor(source: Source, cpus: Sequence[int]) -> str:
    found = {source.text(f"{_CPUS}/cpu{cpu}/cpufreq/scaling_governor") for cpu in cpus}
    return ", ".join(sorted(found))


def _turbo(source: Source) -> bool:
    switch = source.optional(f"{_CPUS}/intel_pstate/no_turbo")
    if switch is not None:
        return switch == "0"
    return source.integer(f"{_CPUS}/cpufreq/boost") == 1


def _clock_hz(source: Source, blocks: Blocks, cpus: Sequence[int], hypervisor: str | None) -> float:
    """Return the median clock now of the CPUs we may use.

    Raises Unread on guests, where cpuinfo shows the nominal clock whatever the CPU does.
    """
    khz = [source.optional(f"{_CPUS}/cpu{cpu}/cpufreq/scaling_cur_freq") for cpu in cpus[:_ENOUGH]]
    known = [float(value) for value in khz if value is not None and value.isdecimal()]
    if known:
        return statistics.median(known) * 1e3
    shown = [float(block["cpu MHz"]) for block in blocks if "cpu MHz" in block and int(block["processor"]) in cpus]
    if shown and hypervisor:
        raise Unread(f"a guest shows its nominal clock ({statistics.median(shown):.0f} MHz), not the present one")
    if not shown:
        raise Unread("neither cpufreq nor /proc/cpuinfo tells the clock")
    return statistics.median(shown) * 1e6


def _clock_max_hz(source: Source, cpus: Sequence[int]) -> float:
    return max(source.integer(f"{_CPUS}/cpu{cpu}/cpufreq/cpuinfo_max_freq") for cpu in cpus[:_ENOUGH]) * 1e3
