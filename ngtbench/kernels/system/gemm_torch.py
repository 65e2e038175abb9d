"""Matrix product in PyTorch: oneDNN, MKL or OpenBLAS on CPUs, cuBLAS or hipBLAS on GPUs."""

import re
from pathlib import Path

import torch

from ngtbench.errors import Unavailable
from ngtbench.model.workload import Arrays, Run, Setup

_UNITS = {"bfloat16": ("avx512_bf16", "amx_bf16", "bf16"), "float16": ("avx512_fp16", "amx_fp16", "asimdhp")}
_EMULATED_N = 512  # up to here a CPU without the units is quick enough


def product(setup: Setup, a: torch.Tensor, b: torch.Tensor) -> Run:
    """Multiply into one preallocated tensor, in the precision of the case and no other.

    Raises Unavailable where the device lacks it.
    """
    on_cpu = setup.device.startswith("cpu")
    if setup.dtype == "tf32":
        check_tf32(setup, a)
    if on_cpu and a.shape[0] > _EMULATED_N and not has_units(setup.dtype, Path("/proc/cpuinfo").read_text()):
        raise Unavailable(f"this CPU has no {setup.dtype} arithmetic: PyTorch would emulate it", "choose --size XS")
    setup.say(choose_precision(setup.dtype))
    c = torch.zeros_like(a)

    def run() -> Arrays:
        torch.mm(a, b, out=c)
        return {"c": c}

    run()
    return run


def choose_precision(dtype: str) -> str:
    """Set what PyTorch may do to float32, bfloat16 and float16 products, for all that follows; return it in words."""
    single = "tf32" if dtype == "tf32" else "ieee"
    torch.backends.cuda.matmul.fp32_precision = single
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"  # type: ignore[attr-defined] # made at import, not in the stubs
    # Sums stay in float32, so that the tolerance means one rounding of the output.
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_accumulation = False
    if dtype in ("float32", "tf32"):
        return f"torch.mm, fp32_precision {single}"
    return f"torch.mm, {dtype}, sums in {'float64' if dtype == 'float64' else 'float32'}"


def has_units(dtype: str, cpuinfo: str) -> bool:
    """Tell from /proc/cpuinfo whether a CPU computes in this dtype."""
    words = set(re.findall(r"[a-z0-9_]+", cpuinfo))
    return dtype not in _UNITS or not words.isdisjoint(_UNITS[dtype])


def check_tf32(setup: Setup, a: torch.Tensor) -> None:
    """Raise Unavailable where the device has no tf32 units."""
    if not setup.device.startswith("cuda"):
        raise Unavailable(f"{setup.device} has no tf32 units", "choose an NVIDIA GPU of compute capability 8.0 or more")
    if torch.cuda.get_device_capability(a.device) < (8, 0):
        major, minor = torch.cuda.get_device_capability(a.device)
        raise Unavailable(f"compute capability {major}.{minor} has no tf32 units", "8.0 or more is needed")
