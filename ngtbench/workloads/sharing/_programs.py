"""The programs that share a device, by short names: bandwidth, lattice field theory, inference and training."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ngtbench import workloads
from ngtbench.model.case import Case
from ngtbench.model.workload import Inputs

T = TypeVar("T", bound=Any)  # a size with a window
DTYPE = "float32"
PROGRAMS = {"triad": "system/triad", "dslash": "lattice/wilson_dslash", "infer": "ml/deepsets", "train": "ml/train"}
_IMPLS = {"triad": ("native", "torch"), "dslash": ("native", "rtc"), "infer": ("torch", "torch"), "train": ("torch", "torch")}
_CLIENT_B = 1 << 29  # on a CPU a process with PyTorch, on a GPU a context: each hundreds of MB
_CALLS = 4  # in a window where calls are long
_SMALLER = {"S": "XS", "M": "S", "L": "S"}  # trainings: the named ones take minutes each


def case_of(program: str, scale: str, device: str) -> Case:
    """Return what a program runs on a device: of the named size, trainings of a smaller one."""
    name = PROGRAMS[program]
    size = _SMALLER.get(scale, scale) if program == "train" else scale
    impl = "numpy" if scale == "XS" and program == "triad" else _IMPLS[program][not device.startswith("cpu")]
    return Case(name, workloads.load(name).version, size, impl, DTYPE)


def memory_b(program: str, scale: str) -> int:
    """Return about how many bytes a client of a program holds on the device, its process or context included."""
    case, workload = case_of(program, scale, "cpu:0"), workloads.load(PROGRAMS[program])
    return workload.work(workloads.size(workload, case.size), 4).memory_b + _CLIENT_B


def window_s(programs: Sequence[str], scale: str, kind: str) -> float:
    """Guess the seconds of a window that holds enough calls of these: trainings are long."""
    train = workloads.load(PROGRAMS["train"])
    size = train.sizes[_SMALLER.get(scale, scale)]
    return _CALLS * train.takes_s(size, kind) if "train" in programs and train.takes_s else 0.0


def inputs(size: Any, seed: int) -> Inputs:
    """Return the seed, from which every client makes its own inputs."""
    return {"seed": np.array(seed + 1)}


def nearby(size: T, k: int) -> T:
    """Return slightly longer windows."""
    return replace(size, window_s=size.window_s * (1.05 + 0.05 * k))
