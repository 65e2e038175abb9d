"""An AMD GPU while something runs on it: the kernel's files first, amdsmi for what only it counts."""

import importlib
import os
import re
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from ngtbench.discover import amd, smi
from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.kfd import Node, nodes, visible
from ngtbench.discover.load import children, sister
from ngtbench.discover.sensors import Counter, Gauge
from ngtbench.discover.source import Source
from ngtbench.discover.watch_host import NOTICED, HostEye
from ngtbench.errors import NgtBenchError
from ngtbench.model.record import Health

_TWO_DIES = ("7408", "740c")  # MI250X, MI250: the first die's sensors read both, the second's nothing (codecarbon 1097)
_GONE = {31, 34}  # amdsmi: device not found, driver not loaded
_BLOCKS = ("umc", "gfx", "sdma", "mmhub")  # parts with memory of their own; the kernel's RAS interface counts each
_RESIDENCIES = {  # accumulators of MI300 and later, in ticks of accumulation_counter
    "prochot": "prochot_residency_acc",
    "power_cap": "ppt_residency_acc",
    "temp_socket": "socket_thm_residency_acc",
    "temp_vr": "vr_thm_residency_acc",
    "temp_mem": "hbm_thm_residency_acc",
}
_NONE = 2**64 - 1
_BUSY_PERCENT = 5
_WINDOW_S, _REST_S, _EVERY_S = 1.0, 1.0, 0.1


@dataclass(frozen=True)
class _Library:
    """amdsmi and its handle of our device, or the reason why there is none."""

    module: Any = None
    handle: Any = None
    reason: str = ""


def opened(device: str, source: Source, host: HostEye, amdsmi: Any = None) -> "AmdEye":
    """Return what watches "rocm:N", counted as discovery counts; `amdsmi` replays the library.

    Raises Unread where the driver is absent or shows no such device.
    """
    chosen = visible(nodes(source, Answers()), source.env, Answers())
    number = int(device.partition(":")[2])
    if number >= len(chosen):
        raise Unread(f"the amdgpu driver shows {len(chosen)} usable GPUs, and no {device}")
    node = chosen[number]
    return AmdEye(device, node, source, host, _library(node.device(source).rpartition("/")[2], amdsmi))


class AmdEye:
    """Watches one card, die or partition."""

    def __init__(self, device: str, node: Node, source: Source, host: HostEye, library: _Library) -> None:
        self._device, self._node, self._source, self._host, self._library = device, node, source, host, library
        self._folder = node.device(source)
        self._start = self._looked = self._residencies()

    def sensor(self) -> Counter | Gauge:
        """Return amdsmi's energy counter, or the kernel's power, to be integrated.

        Raises Unread where what is counted is more than this device, and where there is neither.
        """
        self._whole()
        try:
            resolution = float(self._ask("amdsmi_get_energy_count")["counter_resolution"])
        except (Unread, LookupError, TypeError, ValueError) as error:
            reason = str(error)
        else:
            power = self._power_w if Answers()("power", self._power_w) else None
            return Counter(
                name="amdsmi energy counter",
                counts=self._counts,
                unit_j=resolution * 1e-6,
                late_s=0.0,
                tolerance=None,
                window_s=_WINDOW_S,
                rest_s=_REST_S,
                watts=power,
            )
        try:
            self._power_w()
        except Unread as error:
            raise Unread(f"no energy counter: {reason}; no power: {error}") from error
        name = f"integrated power (amdgpu, {1 / _EVERY_S:g} Hz)"
        return Gauge(
            name=name,
            watts=self._power_w,
            every_s=_EVERY_S,
            late_s=0.0,
            tolerance=None,
            window_s=_WINDOW_S,
            rest_s=_REST_S,
        )

    def health(self) -> Health:
        """Read state now."""
        self._present()
        answers, source, folder = Answers(), self._source, self._folder
        return Health(
            clock_hz=answers("clock_hz", lambda: amd.clocks_hz(source, f"{folder}/pp_dpm_sclk")[0]),
            memory_clock_hz=answers("memory_clock_hz", lambda: amd.clocks_hz(source, f"{folder}/pp_dpm_mclk")[0]),
            temperature_c=answers("temperature_c", lambda: amd.temperature_c(source, amd.hwmon(source, folder))),
            power_w=answers("power_w", self._own_power_w),
            throttle=answers("throttle", self._throttle),
            ecc_errors=answers("ecc_errors", self._ecc_errors),
            processes=answers("processes", self._others),
            load1=os.getloadavg()[0],
            missing=answers.missing,
        )

    def mark(self) -> None:
        """Begin a window."""
        self._host.mark()
        self._start = self._residencies()

    def flags(self, window_s: float) -> dict[str, float]:
        """Return what disturbed the window that ends now; a card at its power limit is no fault, and said as `power_capped`.

        Others' share is not told: amdgpu shows that they are there, not what they use.
        """
        self._present()
        found = self._host.held(window_s)
        shares = _shares(self._start, self._residencies())
        throttled = max((share for name, share in shares.items() if name != "power_cap"), default=0.0)
        found |= {"throttled": max(throttled, found.get("throttled", 0.0))} if throttled > 1e-3 else {}
        capped = shares.get("power_cap", 0.0)
        return found | ({"power_capped": capped} if capped > NOTICED else {})

    def unrest(self, window_s: float) -> str | None:
        """Return why the card was not at rest, where the kernel tells."""
        busy = Answers()("busy", self._source.integer, f"{self._folder}/gpu_busy_percent")
        return f"the GPU was {busy} % busy" if busy is not None and busy > _BUSY_PERCENT else None

    def _whole(self) -> None:
        """Raise Unread where the sensors read more than this device."""
        partition = self._source.optional(f"{self._folder}/current_compute_partition")
        if partition not in (None, "SPX"):
            raise Unread(f"amdgpu reads the whole package, and this is one of its partitions ({partition})")
        if self._source.text(f"{self._folder}/device").removeprefix("0x") in _TWO_DIES:
            raise Unread("amdgpu reads both dies of this card together")

    def _counts(self) -> tuple[int, ...]:
        answer = self._ask("amdsmi_get_energy_count")
        return (int(answer["energy_accumulator"] if "energy_accumulator" in answer else answer["power"]),)  # before ROCm 6.2.1

    def _own_power_w(self) -> float:
        self._whole()
        return self._power_w()

    def _power_w(self) -> float:
        self._present()
        folder = amd.hwmon(self._source, self._folder)
        name = "power1_average" if self._source.exists(f"{folder}/power1_average") else "power1_input"
        microwatts = self._source.integer(f"{folder}/{name}")
        if microwatts <= 0:
            raise Unread(f"{folder}/{name} says {microwatts}")
        return microwatts / 1e6

    def _throttle(self) -> tuple[str, ...]:
        """Return what is active now, or on MI300 and later what was since the last look."""
        bits = self._metrics().get("indep_throttle_status")
        before, self._looked = self._looked, self._residencies()
        if self._looked:
            found = tuple(name for name, share in _shares(before, self._looked).items() if share > 0)
        else:
            known = {self._device: bits} if isinstance(bits, int) and bits != _NONE else {}
            found = smi.Extras(throttlers=known).throttle(self._device)
        return found + (Answers()("host", self._host.throttle) or ())

    def _others(self) -> int:
        clients = children(self._source)
        return sum(pid not in clients and not sister(self._source, pid) for pid in amd.others(self._source, self._node))

    def _residencies(self) -> dict[str, int]:
        """Return the accumulators and their clock; empty where the card has none."""
        metrics = Answers()("metrics", self._metrics) or {}
        found = {name: metrics.get(key) for name, key in (*_RESIDENCIES.items(), ("", "accumulation_counter"))}
        known = {name: count for name, count in found.items() if isinstance(count, int) and count not in (_NONE, 2**32 - 1)}
        return known if "" in known and len(known) > 1 else {}

    def _metrics(self) -> dict[str, Any]:
        metrics = self._ask("amdsmi_get_gpu_metrics_info")
        return metrics if isinstance(metrics, dict) else {}

    def _ecc_errors(self) -> int:
        texts = [self._source.optional(f"{self._folder}/ras/{block}_err_count") for block in _BLOCKS]
        found = [re.search(r"ue:\s*(\d+)", text) for text in texts if text is not None]
        counts = [int(match[1]) for match in found if match]
        if not counts:
            raise Unread(f"{self._folder}/ras counts no errors: no ECC, or hidden")
        return sum(counts)

    def _ask(self, call: str) -> Any:
        self._present()
        if self._library.handle is None:
            raise Unread(self._library.reason)
        try:
            return getattr(self._library.module, call)(self._library.handle)
        except Exception as error:  # AMD's error classes moved between releases
            if getattr(error, "err_code", None) in _GONE:
                raise self._lost(f"amdsmi: {error}") from error
            raise Unread(f"{call}: {type(error).__name__}: {' '.join(str(error).split())}") from error

    def _present(self) -> None:
        """Raise NgtBenchError where the card left the bus."""
        if not self._source.exists(self._folder):
            raise self._lost(f"{self._folder} is gone")

    def _lost(self, why: str) -> NgtBenchError:
        return NgtBenchError(f"{self._device} was lost while it was watched ({why}): see the kernel's log, reset or reboot")


def _shares(before: dict[str, int], after: dict[str, int]) -> dict[str, float]:
    """Return the share of the time between two readings that each limiter was active."""
    ticks = after.get("", 0) - before.get("", 0)
    if ticks <= 0:
        return {}
    return {name: min(1.0, (after[name] - before[name]) / ticks) for name in _RESIDENCIES if name in before and name in after}


def _library(address: str, amdsmi: Any) -> _Library:
    try:
        with redirect_stdout(sys.stderr):  # the library prints when it fails to load
            module = amdsmi or importlib.import_module("amdsmi")
        module.amdsmi_init()
        for handle in module.amdsmi_get_processor_handles():
            if str(module.amdsmi_get_gpu_device_bdf(handle)).lower() == address:
                return _Library(module, handle)
    except Exception as error:  # noqa: BLE001 - it fails to load in many ways: no .so, other ROCm, no driver
        return _Library(reason=f"amdsmi: {type(error).__name__}: {' '.join(str(error).split())}")
    return _Library(reason=f"amdsmi knows no {address}")
