"""What AMD's compiler, or a Clang that knows AMD's GPUs, makes of a kernel, without a GPU."""

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ngtbench.codegen import cpp, gpu, process
from ngtbench.errors import CompileError, Unavailable

LIMIT_S = 300.0
ARCHITECTURES = ("gfx90a", "gfx942")  # MI210 and MI250X, MI300A and MI300X
_CLANGS = ("clang++", *(f"clang++-{number}" for number in range(23, 14, -1)))
# The words of HIP that a kernel uses, for a Clang without ROCm's headers.
_WORDS = """\
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __launch_bounds__(threads) __attribute__((amdgpu_flat_work_group_size(1, threads)))
#define threadIdx (Place{__builtin_amdgcn_workitem_id_x()})
#define blockIdx (Place{__builtin_amdgcn_workgroup_id_x()})
#define blockDim (Place{__builtin_amdgcn_workgroup_size_x()})
struct Place { unsigned x; };
static __device__ inline double sqrt(double x) { return __builtin_sqrt(x); }
static __device__ inline float sqrtf(float x) { return __builtin_sqrtf(x); }
static __device__ inline double copysign(double x, double y) { return __builtin_copysign(x, y); }
static __device__ inline float copysignf(float x, float y) { return __builtin_copysignf(x, y); }
"""


@dataclass(frozen=True)
class Code:
    """A compiled kernel: registers, those spilled, bytes of scratch memory per thread and of shared memory per block."""

    arch: str
    vgprs: int
    sgprs: int
    spilled_vgprs: int
    spilled_sgprs: int
    scratch_b: int
    shared_b: int


def report(source: str, name: str, arch: str) -> Code:
    """Compile the text of `gpu.source` for an architecture and read the numbers of its only kernel.

    Raises Unavailable where no compiler knows the architecture, CompileError where one rejects the text.
    """
    return reports(source, name, arch)[cpp.identifier(name)]


def reports(source: str, name: str, arch: str) -> dict[str, Code]:
    """Compile a text of several kernels, `name` for short, and read the numbers of each; else as `report`."""
    compiler, *options = _command()
    words = "" if options else _WORDS
    options = options or ["-nogpulib", "-nogpuinc", "-D__noinline__=__attribute__((noinline))"]
    command = [compiler, "-x", "hip", f"--offload-arch={arch}", "--cuda-device-only", "-S", "-O3", *gpu.OPTIONS, *options]
    with tempfile.TemporaryDirectory() as scratch:
        text, made = Path(scratch) / "kernel.hip", Path(scratch) / "kernel.s"
        text.write_text(words + source)
        ended = process.run([*command, str(text), "-o", str(made)], LIMIT_S, scratch)
        if re.search("invalid target ID|unsupported HIP gpu architecture|unknown target|[Nn]o available targets", ended.output):
            raise Unavailable(f"not checked: {compiler} does not know {arch}", "use a newer Clang, or ROCm's hipcc")
        if ended.code != 0:
            said = "\n".join(ended.output.splitlines()[:10])
            raise CompileError(f"{name}: {' '.join(command)} rejects the kernel:\n{said}")
        assembly = made.read_text()
    noted = assembly.partition("amdhsa.kernels:")[2]
    return dict(_read(entry, arch) for entry in re.split(r"^  - (?=\.)", noted, flags=re.MULTILINE)[1:])


def _read(entry: str, arch: str) -> tuple[str, Code]:
    """Read what is noted of a kernel in an assembly: its name, and its numbers in the order of the fields of Code."""
    counts = ("vgpr_count", "sgpr_count", "vgpr_spill_count", "sgpr_spill_count")
    keys = (*counts, "private_segment_fixed_size", "group_segment_fixed_size")
    noted = dict(re.findall(r"^    \.(\w+): +(\S+)$", entry, re.MULTILINE))
    return noted["name"], Code(arch, *(int(noted[key]) for key in keys))


def _command() -> list[str]:
    """Return hipcc with the header that every HIP program includes, or a Clang alone."""
    homes = [os.environ.get("ROCM_PATH", ""), "/opt/rocm"]
    for place in ["hipcc", *(f"{home}/bin/hipcc" for home in homes if home)]:
        if path := shutil.which(place):
            return [path, "-include", "hip/hip_runtime.h"]
    for name in _CLANGS:
        if path := shutil.which(name):
            return [path]
    raise Unavailable("not checked: no hipcc, and no clang++ that could stand in for it", "install ROCm or Clang")
