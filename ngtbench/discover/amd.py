"""AMD GPUs, their dies and partitions: the kernel's own files first, amdsmi and rocm-smi for what only they know.

The files come first because amdsmi and rocm-smi misreport partitions and second dies.
"""

import os
import re
from collections.abc import Callable
from typing import Any

from ngtbench.discover import smi
from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.kfd import KFD, Node, nodes, pairs, visible
from ngtbench.discover.source import Source
from ngtbench.model.machine import Gpu

_GENERATIONS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}  # GT/s of a lane -> PCIe generation
_XGMI = "11"  # HSA link type of Infinity Fabric
_VRAM_HEAPS = {"1", "2"}  # HSA heap types: frame buffer, public and private

Reads = dict[str, Callable[[], Any]]


def gpus(source: Source, amdsmi: Any = None) -> tuple[tuple[Gpu, ...], dict[str, str]]:
    """Return the GPUs in HIP's order, and what could not be read about all of them; `amdsmi` replays the library."""
    answers = Answers()
    found = answers("gpus.rocm", nodes, source, answers) or []
    chosen = visible(found, source.env, answers)
    if not chosen:
        answers.missing.setdefault("gpus.rocm", "none: the amdgpu driver shows no compute node")
        return (), answers.missing
    if source.exists("/dev/kfd") and not os.access(source.path("/dev/kfd"), os.R_OK | os.W_OK):
        answers.missing["gpus.rocm.access"] = "/dev/kfd may not be opened: join its group, mostly render or video"
    extras = smi.read(source, amdsmi)
    return tuple(_gpu(source, node, number, extras) for number, node in enumerate(chosen)), answers.missing


def _gpu(source: Source, node: Node, number: int, extras: smi.Extras) -> Gpu:
    answers = Answers()
    reads = _identity(source, node, extras) | _state(source, node, extras) | _power_and_links(source, node)
    values = {name: answers(name, read) for name, read in reads.items()}
    return Gpu(id=f"rocm:{number}", kind="rocm", vendor="AMD", **values, missing=answers.missing)


def _identity(source: Source, node: Node, extras: smi.Extras) -> Reads:
    device, properties = node.device(source), node.properties

    def pair(vendor: str, part: str) -> str:
        return "{:04x}:{:04x}".format(*(source.integer(f"{device}/{name}", 16) for name in (vendor, part)))

    return {
        "name": lambda: source.optional(f"{device}/product_name") or extras.name(device.rpartition("/")[2]),
        "pci_id": lambda: pair("vendor", "device"),
        "pci_subsystem": lambda: pair("subsystem_vendor", "subsystem_device"),
        "pci_revision": lambda: f"{source.integer(f'{device}/revision', 16):02x}",
        "pci_address": lambda: device.rpartition("/")[2],
        "uuid": lambda: node.uuid,
        "units": lambda: int(properties["simd_count"]) // int(properties["simd_per_cu"]),
        "memory_b": lambda: _memory_b(source, node, device),
        "memory_free_b": lambda: _memory_free_b(source, node, device),
        "mig": lambda: _never("an NVIDIA feature; see partition"),
        "mps": lambda: _never("an NVIDIA feature"),
        "partition": lambda: "/".join(source.text(f"{device}/current_{kind}_partition") for kind in ("compute", "memory")),
        "compute_target": lambda: _target(int(properties["gfx_target_version"])),
        "driver": lambda: source.optional("/sys/module/amdgpu/version") or _never("the kernel's own amdgpu has no version"),
        "runtime": lambda: f"ROCm {source.text(source.env.get('ROCM_PATH', '/opt/rocm') + '/.info/version')}",
    }


def _state(source: Source, node: Node, extras: smi.Extras) -> Reads:
    device = node.device(source)
    return {
        "clock_hz": lambda: clocks_hz(source, f"{device}/pp_dpm_sclk")[0],
        "clock_max_hz": lambda: clocks_hz(source, f"{device}/pp_dpm_sclk")[1],
        "memory_clock_hz": lambda: clocks_hz(source, f"{device}/pp_dpm_mclk")[0],
        "memory_clock_max_hz": lambda: clocks_hz(source, f"{device}/pp_dpm_mclk")[1],
        "ecc": lambda: _ecc(source.text(f"{device}/ras/features")),
        "throttle": lambda: extras.throttle(device.rpartition("/")[2]),
        "processes": lambda: len(others(source, node)),
        "temperature_c": lambda: temperature_c(source, hwmon(source, device)),
    }


def _power_and_links(source: Source, node: Node) -> Reads:
    device = node.device(source)

    def watts(name: str) -> Callable[[], float]:
        return lambda: _watts(source, f"{hwmon(source, device)}/{name}")

    def generation(name: str) -> Callable[[], int]:
        return lambda: _GENERATIONS[source.text(f"{device}/{name}").split()[0]]

    return {
        "power_limit_w": watts("power1_cap"),
        "power_limit_default_w": watts("power1_cap_default"),
        "power_limit_enforced_w": watts("power1_cap"),
        "power_limit_min_w": lambda: source.integer(f"{hwmon(source, device)}/power1_cap_min") / 1e6,
        "power_limit_max_w": watts("power1_cap_max"),
        "pcie_gen": generation("current_link_speed"),
        "pcie_gen_max": generation("max_link_speed"),
        "pcie_width": lambda: source.integer(f"{device}/current_link_width"),
        "pcie_width_max": lambda: source.integer(f"{device}/max_link_width"),
        "links": lambda: _links(source, node),
    }


def _memory_b(source: Source, node: Node, device: str) -> int:
    """Return the memory of this node; the PCI device's total would be that of all partitions together."""
    banks = [pairs(source.text(f"{node.path}/mem_banks/{n}/properties")) for n in source.entries(f"{node.path}/mem_banks")]
    sizes = [int(bank["size_in_bytes"]) for bank in banks if bank.get("heap_type") in _VRAM_HEAPS]
    return sum(sizes) or source.integer(f"{device}/mem_info_vram_total")


def _memory_free_b(source: Source, node: Node, device: str) -> int:
    total = source.integer(f"{device}/mem_info_vram_total")
    if source.optional(f"{device}/current_compute_partition") not in (None, "SPX"):
        raise Unread("the driver counts used memory for all partitions together")
    return total - source.integer(f"{device}/mem_info_vram_used")


def clocks_hz(source: Source, name: str) -> tuple[float, float]:
    """Return the present and the highest clock of lines such as "1: 2100Mhz *"."""
    found = re.findall(r":\s*(\d+)\s*Mhz\s*(\*?)", source.text(name), re.IGNORECASE)
    now = [int(mhz) for mhz, star in found if star]
    if not now:
        raise Unread(f"{name} marks no present clock")
    return now[0] * 1e6, max(int(mhz) for mhz, _ in found) * 1e6


def _watts(source: Source, name: str) -> float:
    microwatts = source.integer(name)
    if microwatts <= 0:
        raise Unread(f"{name} says {microwatts}: the card's first die carries the limit")
    return microwatts / 1e6


def hwmon(source: Source, device: str) -> str:
    """Return the folder of a device's sensors.

    Raises Unread where there is none.
    """
    found = source.entries(f"{device}/hwmon", "hwmon")
    if not found:
        raise Unread(f"{device}/hwmon is empty")
    return f"{device}/hwmon/{found[0]}"


def temperature_c(source: Source, hwmon: str) -> float:
    """Return the junction temperature, else the first there is."""
    labels = {number: source.optional(f"{hwmon}/temp{number}_label") for number in (1, 2, 3)}
    number = next((number for number, label in labels.items() if label == "junction"), 1)
    return source.integer(f"{hwmon}/temp{number}_input") / 1e3


def _ecc(features: str) -> bool:
    mask = re.search(r"feature mask:\s*(0x[0-9a-f]+)", features, re.IGNORECASE)
    if not mask:
        raise Unread(f"ras/features says '{features[:40]}'")
    return bool(int(mask[1], 16) & 1)  # bit 0 is the memory controller's


def _links(source: Source, node: Node) -> int:
    links = source.entries(f"{node.path}/io_links")
    return sum(pairs(source.text(f"{node.path}/io_links/{link}/properties")).get("type") == _XGMI for link in links)


def others(source: Source, node: Node) -> list[str]:
    """Return the processes with memory on this node, but ourselves.

    Raises Unread where the driver does not list them.
    """
    pids = [pid for pid in source.entries(f"{KFD}/proc") if pid != str(os.getpid())]
    return [pid for pid in pids if (source.optional(f"{KFD}/proc/{pid}/vram_{node.gpu_id}") or "0") != "0"]


def _target(version: int) -> str:
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def _never(reason: str) -> str:
    raise Unread(reason)
