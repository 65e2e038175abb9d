"""What only AMD's management tools know of a GPU: its market name and why it throttles; amdsmi, else rocm-smi."""

import importlib
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from ngtbench.discover.answers import Unread
from ngtbench.discover.source import Source

_THROTTLERS = {  # bits of indep_throttle_status, as the kernel's amdgpu_smu.h numbers them
    **{bit: f"power_{bit}" for bit in range(8)},
    **dict(
        zip(range(16, 24), ("tdc_gfx", "tdc_soc", "tdc_mem", "tdc_vdd", "tdc_cvip", "edc_cpu", "edc_gfx", "apcc"), strict=True)
    ),
    **dict(zip(range(32, 38), ("temp_gpu", "temp_core", "temp_mem", "temp_edge", "temp_hotspot", "temp_soc"), strict=True)),
    **{bit: "temp_vr" for bit in range(38, 42)},
    **{bit: "temp_liquid" for bit in (42, 43)},
    **{bit: "vrhot" for bit in (44, 45)},
    **{bit: "prochot" for bit in (46, 47)},
    56: "ppm",
    57: "fit",
}


@dataclass(frozen=True)
class Extras:
    """Answers by PCI address; `reason` says why there are none at all."""

    names: Mapping[str, str] = field(default_factory=dict)
    throttlers: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""

    def name(self, address: str) -> str:
        """Return the market name.

        Raises Unread where no tool gave one.
        """
        if address not in self.names:
            raise Unread(self.reason or f"no tool names {address}")
        return self.names[address]

    def throttle(self, address: str) -> tuple[str, ...]:
        """Return the active throttle reasons.

        Raises Unread where amdsmi gave none; its status is all ones, or text, where the card has none.
        """
        if address not in self.throttlers:
            raise Unread(self.reason or "amdsmi reports no throttle status for this card")
        bits = self.throttlers[address]
        return tuple(dict.fromkeys(name for bit, name in _THROTTLERS.items() if bits >> bit & 1))


def read(source: Source, amdsmi: Any = None) -> Extras:
    """Ask amdsmi, and rocm-smi where that fails; `amdsmi` replays the library."""
    try:
        with redirect_stdout(sys.stderr):  # the library prints when it fails to load, and our stdout may be a document
            return _amdsmi(amdsmi or importlib.import_module("amdsmi"))
    except Exception as error:  # noqa: BLE001 - the library fails to load in many ways: no .so, other ROCm, no driver
        first = f"amdsmi: {type(error).__name__}: {error}".strip().splitlines()[0]
    try:
        return Extras(names=_rocm_smi(source.run(("rocm-smi", "--showproductname", "--showbus", "--json"))), reason=first)
    except (Unread, ValueError, AttributeError) as error:
        return Extras(reason=f"{first}; rocm-smi: {error}")


def _amdsmi(library: Any) -> Extras:
    library.amdsmi_init()
    names, throttlers = {}, {}
    try:
        for handle in library.amdsmi_get_processor_handles():
            address = str(library.amdsmi_get_gpu_device_bdf(handle)).lower()
            name = _ask(library, "amdsmi_get_gpu_asic_info", handle, "market_name")
            if name not in (None, "", "N/A"):
                names[address] = str(name)
            bits = _ask(library, "amdsmi_get_gpu_metrics_info", handle, "indep_throttle_status")
            if isinstance(bits, int) and bits != 0xFFFFFFFFFFFFFFFF:
                throttlers[address] = bits
    finally:
        library.amdsmi_shut_down()
    return Extras(names, throttlers)


def _ask(library: Any, call: str, handle: Any, key: str) -> Any:
    try:
        return getattr(library, call)(handle).get(key)
    except Exception:  # noqa: BLE001 - AMD's error classes moved between releases; one refusal must not cost the other answers
        return None


def _rocm_smi(text: str) -> dict[str, str]:
    """Return names by PCI address; keys vary in case between releases."""
    names = {}
    for card in json.loads(text).values():
        lower = {key.lower(): value for key, value in card.items()} if isinstance(card, dict) else {}
        name, address = lower.get("card series"), lower.get("pci bus")
        if name and address and not name.startswith("0x"):
            names[address.lower()] = name
    return names
