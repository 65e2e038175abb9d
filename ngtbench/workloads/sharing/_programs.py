"""The programs that share a device, by short names: bandwidth, lattice field theory, inference and training."""

from ngtbench import workloads
from ngtbench.model.case import Case

DTYPE = "float32"
PROGRAMS = {"triad": "system/triad", "dslash": "lattice/wilson_dslash", "infer": "ml/deepsets", "train": "ml/train"}
_IMPLS = {"triad": ("native", "torch"), "dslash": ("native", "rtc"), "infer": ("torch", "torch"), "train": ("torch", "torch")}
_TRAINED = "S"  # larger trainings take minutes; this one keeps a device busy for as long as a window lasts


def case_of(program: str, scale: str, device: str) -> Case:
    """Return what a program runs on a device: of the named size, trainings always a small one."""
    name = PROGRAMS[program]
    size = _TRAINED if program == "train" and scale != "XS" else scale
    impl = "numpy" if scale == "XS" and program == "triad" else _IMPLS[program][not device.startswith("cpu")]
    return Case(name, workloads.load(name).version, size, impl, DTYPE)


def memory_b(program: str, scale: str) -> int:
    """Return the bytes that a program holds on the device."""
    case, workload = case_of(program, scale, "cpu:0"), workloads.load(PROGRAMS[program])
    return workload.work(workloads.size(workload, case.size), 4).memory_b
