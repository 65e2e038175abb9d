"""Which link joins a GPU to the host, in words for the record."""

from pathlib import Path

import pynvml

_PCI = Path("/sys/bus/pci/devices")


def named(bus_id: str, root: Path = _PCI) -> str:
    """Return the link of the GPU at this PCI address; read under load, for idle links slow down."""
    if _c2c(bus_id):
        return "NVLink-C2C (NVML)"
    folder = root / bus_id.lower()
    try:
        speed, width, most = (
            (folder / name).read_text().strip() for name in ("current_link_speed", "current_link_width", "max_link_speed")
        )
    except OSError:
        return f"link not read: /sys shows none for {bus_id}"
    return f"PCIe x{width} at {speed}, at most {most}"


def _c2c(bus_id: str) -> bool:
    """Tell whether NVML says that the chip-to-chip link is on; False where NVML or the question is unknown."""
    try:
        pynvml.nvmlInit()
        return bool(pynvml.nvmlDeviceGetC2cModeInfoV(pynvml.nvmlDeviceGetHandleByPciBusId(bus_id)).isC2cEnabled)
    except (pynvml.NVMLError, AttributeError):
        return False
