"""NVIDIA GPUs and their MIG slices as NVML reports them; every refusal of the driver becomes a reason."""

import importlib
import math
import os
import re
from collections.abc import Callable
from typing import Any

from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.nvml import BUS, Driver, on_bus, seats
from ngtbench.discover.source import Source
from ngtbench.discover.visible import Seat, mixed_order, visible
from ngtbench.model.machine import Gpu

REASONS = {  # bits of nvmlDeviceGetCurrentClocksEventReasons
    0x1: "gpu_idle",
    0x2: "app_clocks",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal",
    0x40: "hw_thermal",
    0x80: "hw_power_brake",
    0x100: "display_clock",
}
_CORES_PER_SM = {(7, 0): 64, (7, 5): 64, (8, 0): 64, (8, 6): 128, (8, 9): 128, (9, 0): 128, (10, 0): 128, (12, 0): 128}
_CLOCK_SM, _CLOCK_MEMORY, _SENSOR = 1, 2, 0  # NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU
_LINKS = 18  # NVLinks that a GPU has at most, up to Blackwell

Reads = dict[str, Callable[[], Any]]


def gpus(source: Source, nvml: Any = None) -> tuple[tuple[Gpu, ...], dict[str, str]]:
    """Return the GPUs in CUDA's order, and what could not be read about all of them; `nvml` replays a driver."""
    try:
        driver = Driver(nvml or importlib.import_module("pynvml"))
        driver.ask("nvmlInit")
    except (Unread, ImportError) as error:
        return (), {"gpus.cuda": f"{error}; {on_bus(source)}"}
    try:
        return _gpus(source, driver)
    finally:
        Answers()("shutdown", driver.ask, "nvmlShutdown")


def _gpus(source: Source, driver: Driver) -> tuple[tuple[Gpu, ...], dict[str, str]]:
    answers = Answers()
    version = answers("gpus.cuda.driver", driver.ask, "nvmlSystemGetDriverVersion") or ""
    found = seats(driver, answers)
    chosen, hidden = visible(found, source.env, version)
    models = [answers(f"gpus.cuda.{seat.index}.name", driver.ask, "nvmlDeviceGetName", seat.card) for seat in found]
    for key, reason in (("hidden", hidden), ("order", mixed_order([m for m in models if m], source.env))):
        if reason:
            answers.missing[f"gpus.cuda.{key}"] = reason
    if not chosen:
        reasons = "; ".join(dict.fromkeys(answers.missing.values()))
        answers.missing.setdefault("gpus.cuda", reasons or f"none; {on_bus(source)}")
    return tuple(_gpu(driver, source, seat, number) for number, seat in enumerate(chosen)), answers.missing


def _gpu(driver: Driver, source: Source, seat: Seat, number: int) -> Gpu:
    answers = Answers()
    reads = _identity(driver, source, seat) | _state(driver, source, seat) | _power_and_links(driver, seat)
    values = {name: answers(name, read) for name, read in reads.items()}
    return Gpu(id=f"cuda:{number}", kind="cuda", vendor="NVIDIA", **values, missing=answers.missing)


def _identity(driver: Driver, source: Source, seat: Seat) -> Reads:
    def pci() -> Any:
        return driver.ask("nvmlDeviceGetPciInfo", seat.card)

    def capability() -> tuple[int, int]:
        major, minor = driver.ask("nvmlDeviceGetCudaComputeCapability", seat.card)
        return major, minor

    def units() -> int:
        if seat.instance:
            return int(driver.ask("nvmlDeviceGetAttributes", seat.handle).multiprocessorCount)
        if capability() not in _CORES_PER_SM:
            raise Unread("NVML counts cores, and how many an SM of this compute capability has is not known here")
        return int(driver.ask("nvmlDeviceGetNumGpuCores", seat.card)) // _CORES_PER_SM[capability()]

    return {
        "name": lambda: driver.ask("nvmlDeviceGetName", seat.handle),
        "pci_id": lambda: _pair(pci().pciDeviceId),
        "pci_subsystem": lambda: _pair(pci().pciSubSystemId),
        "pci_revision": lambda: f"{source.integer(f'{BUS}/{_address(pci().busId)}/revision', 16):02x}",
        "pci_address": lambda: _address(pci().busId),
        "uuid": lambda: driver.ask("nvmlDeviceGetUUID", seat.handle),
        "units": units,
        "memory_b": lambda: driver.ask("nvmlDeviceGetMemoryInfo", seat.handle).total,
        "memory_free_b": lambda: driver.ask("nvmlDeviceGetMemoryInfo", seat.handle).free,
        "mig": lambda: _mig(driver, seat),
        "partition": lambda: _never("an AMD feature; see mig"),
        "compute_target": lambda: "sm_{}{}".format(*capability()),
        "driver": lambda: driver.ask("nvmlSystemGetDriverVersion"),
        "runtime": lambda: "CUDA {}.{}".format(*_cuda(driver.ask("nvmlSystemGetCudaDriverVersion"))),
    }


def _state(driver: Driver, source: Source, seat: Seat) -> Reads:
    card = seat.card
    return {
        "clock_hz": lambda: driver.ask("nvmlDeviceGetClockInfo", card, _CLOCK_SM) * 1e6,
        "clock_max_hz": lambda: driver.ask("nvmlDeviceGetMaxClockInfo", card, _CLOCK_SM) * 1e6,
        "memory_clock_hz": lambda: driver.ask("nvmlDeviceGetClockInfo", card, _CLOCK_MEMORY) * 1e6,
        "memory_clock_max_hz": lambda: driver.ask("nvmlDeviceGetMaxClockInfo", card, _CLOCK_MEMORY) * 1e6,
        "ecc": lambda: driver.ask("nvmlDeviceGetEccMode", card)[0] == 1,
        "mps": lambda: serves_mps(source),
        "throttle": lambda: throttle(driver, card),
        "processes": lambda: _others(driver.ask("nvmlDeviceGetComputeRunningProcesses", seat.handle)),
        "temperature_c": lambda: float(driver.ask("nvmlDeviceGetTemperature", card, _SENSOR)),
    }


def _power_and_links(driver: Driver, seat: Seat) -> Reads:
    card = seat.card

    def watts(call: str) -> Callable[[], float]:
        return lambda: driver.ask(call, card) / 1e3

    return {
        "power_limit_w": watts("nvmlDeviceGetPowerManagementLimit"),
        "power_limit_default_w": watts("nvmlDeviceGetPowerManagementDefaultLimit"),
        "power_limit_enforced_w": watts("nvmlDeviceGetEnforcedPowerLimit"),
        "power_limit_min_w": lambda: driver.ask("nvmlDeviceGetPowerManagementLimitConstraints", card)[0] / 1e3,
        "power_limit_max_w": lambda: driver.ask("nvmlDeviceGetPowerManagementLimitConstraints", card)[1] / 1e3,
        "pcie_gen": lambda: driver.ask("nvmlDeviceGetCurrPcieLinkGeneration", card),  # 1 when idle: read it under load
        "pcie_gen_max": lambda: driver.ask("nvmlDeviceGetMaxPcieLinkGeneration", card),
        "pcie_width": lambda: driver.ask("nvmlDeviceGetCurrPcieLinkWidth", card),
        "pcie_width_max": lambda: driver.ask("nvmlDeviceGetMaxPcieLinkWidth", card),
        "links": lambda: _links(driver, card),
    }


def _links(driver: Driver, card: Any) -> int:
    states = [driver.ask("nvmlDeviceGetNvLinkState", card, 0)]
    for link in range(1, _LINKS):
        try:
            states.append(driver.ask("nvmlDeviceGetNvLinkState", card, link))
        except Unread:  # one beyond the last
            break
    return sum(states)


def throttle(driver: Driver, card: Any) -> tuple[str, ...]:
    """Return what holds a card's clocks back now.

    Raises Unread where the driver does not say.
    """
    try:
        bits = driver.ask("nvmlDeviceGetCurrentClocksEventReasons", card)
    except Unread:  # drivers before 535 know it by its old name
        bits = driver.ask("nvmlDeviceGetCurrentClocksThrottleReasons", card)
    return tuple(name for bit, name in REASONS.items() if bits & bit)


def _mig(driver: Driver, seat: Seat) -> str:
    if not seat.instance:
        return "on (no slice)" if driver.ask("nvmlDeviceGetMigMode", seat.card)[0] else "off"
    named = re.search(r"MIG (\S+)", driver.ask("nvmlDeviceGetName", seat.handle))
    if named:
        return named[1]
    size = driver.ask("nvmlDeviceGetAttributes", seat.handle)
    return f"{size.gpuInstanceSliceCount}g.{math.ceil(size.memorySizeMB / 1024)}gb"


def serves_mps(source: Source) -> bool:
    """Tell whether an MPS daemon serves this host: its control pipe is there; NVML does not know."""
    control = f"{source.env.get('CUDA_MPS_PIPE_DIRECTORY', '/tmp/nvidia-mps')}/control"
    try:
        source.path(control).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise Unread(f"{control}: {error.strerror}") from error
    return True


def _others(processes: Any) -> int:
    """Count the processes that are not ours; in a container drivers may give the host's ids, and ours then counts too."""
    return sum(process.pid != os.getpid() for process in processes)


def _pair(number: int) -> str:
    """Return vendor:device of NVML's packed number, device in the upper half."""
    if not number:
        raise Unread("NVML reports 0")
    return f"{number & 0xFFFF:04x}:{number >> 16:04x}"


def _address(bus: str) -> str:
    """Return the address as sysfs writes it: NVML's domain has eight digits."""
    domain, _, rest = bus.lower().partition(":")
    return f"{int(domain, 16):04x}:{rest}"


def _cuda(version: int) -> tuple[int, int]:
    return version // 1000, version % 1000 // 10


def _never(reason: str) -> None:
    raise Unread(reason)
