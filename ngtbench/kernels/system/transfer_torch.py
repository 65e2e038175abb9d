"""Transfers in PyTorch from pageable and from pinned host memory."""

from typing import Any

import torch

from ngtbench.kernels.system import link
from ngtbench.kernels.system.transfer import check_room
from ngtbench.model.workload import Arrays, Run, Setup


def pageable(setup: Setup, x: torch.Tensor) -> Run:
    """Copy from and to ordinary host memory; the driver stages it."""
    return _build(setup, x, pin=False)


def pinned(setup: Setup, x: torch.Tensor) -> Run:
    """Copy from and to page-locked host memory, which the device reads by itself."""
    return _build(setup, x, pin=True)


def _build(setup: Setup, x: torch.Tensor, pin: bool) -> Run:
    check_room(2 * x.numel() * x.element_size())
    run = {"h2d": _to_device, "d2h": _to_host, "both": _round_trip}[setup.size.direction](x, pin)
    run()
    setup.say(f"{'pinned' if pin else 'pageable'} host memory; {link.named(_bus_id(x.device))}")
    return run


def _to_device(x: torch.Tensor, pin: bool) -> Run:
    host, there = _host(x, pin), torch.zeros_like(x)
    host.copy_(x)

    def run() -> Arrays:
        return {"y": there.copy_(host, non_blocking=pin)}

    return run


def _to_host(x: torch.Tensor, pin: bool) -> Run:
    host = _host(x, pin)

    def run() -> Arrays:
        return {"y": host.copy_(x, non_blocking=pin)}

    return run


def _round_trip(x: torch.Tensor, pin: bool) -> Run:
    host, there, back = _host(x, pin), torch.zeros_like(x), _host(x, pin)
    host.copy_(x)

    def run() -> Arrays:
        there.copy_(host, non_blocking=pin)
        return {"y": back.copy_(there, non_blocking=pin)}

    return run


def _host(x: torch.Tensor, pin: bool) -> torch.Tensor:
    return torch.zeros(x.shape, dtype=x.dtype, pin_memory=pin)


def _bus_id(device: torch.device) -> str:
    found: Any = torch.cuda.get_device_properties(device)  # the PCI address is not in its stubs
    return f"{found.pci_domain_id:04x}:{found.pci_bus_id:02x}:{found.pci_device_id:02x}.0"
