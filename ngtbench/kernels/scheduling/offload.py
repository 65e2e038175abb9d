"""How algorithms are offloaded to a device, as engines are told it, and what came of it."""

import ctypes
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.model.workload import Array

PLACES = ("host", "cuda", "rocm")
_DRIVERS = {"host": "", "cuda": "libcuda.so.1", "rocm": "libamdhip64.so"}
_WORDS = ("place", "slots", "lanes", "holds", "chooses", "most", "patience_ns")
_POINTERS = ("kernel", "driver", "offloaded", "expected_ns", "least_ns")
_FOUND = ("launches", "tasks", "busy_ns", "joined_ns", "cpu_ns")


class _Offload(ctypes.Structure):
    """The struct Offload of job.hpp."""

    _fields_ = (
        *((name, ctypes.c_uint64) for name in _WORDS),
        *((name, ctypes.c_void_p) for name in _POINTERS),
        *((name, ctypes.c_uint64) for name in _FOUND),
        ("said", ctypes.c_char * 160),
    )


@dataclass(frozen=True)
class Way:
    """How a thread offloads: it goes on, or `holds` until the end; always, or where that `chooses` the earlier end.

    `joins`: tasks of an algorithm, of several events, are one launch.
    """

    holds: bool = False
    chooses: bool = False
    joins: bool = False


@dataclass(frozen=True)
class Port:
    """A kernel for a place: "host", "cuda" or "rocm"; `kernel` is the address that its driver knows, `kept` what holds it."""

    place: str
    kernel: int
    kept: Any
    driver: str = ""  # the library, if not the usual

    @property
    def library(self) -> str:
        """The driver's library."""
        return self.driver or _DRIVERS[self.place]


class Offload:
    """Algorithms, by number, that a port runs in a way: `slots` launches at once, chains cut into lanes.

    Launches that are joined are of `most` tasks, or of those that came within `patience_s`.
    """

    def __init__(
        self, algorithms: Collection[int], port: Port, way: Way, *, slots: int, lanes: int, most: int, patience_s: float
    ) -> None:
        self.algorithms, self.port, self.way, self.slots = frozenset(algorithms), port, way, slots
        self._driver = port.library.encode()
        self._most, self._patience_ns = (most, round(patience_s * 1e9)) if way.joins else (1, 0)
        self._lanes = lanes
        self.arrays: dict[str, Array] = {}

    def struct(self, number: Array) -> Any:
        """Return what engines are given, who number algorithms in this order."""
        self._number = number.astype(np.int64)
        self.arrays = {
            "offloaded": np.isin(number, list(self.algorithms)).astype(np.uint64),
            "expected_ns": np.zeros(len(number), np.int64),
            "least_ns": np.zeros(len(number), np.int64),
        }
        words = (PLACES.index(self.port.place), self.slots, self._lanes, self.way.holds, self.way.chooses)
        self.found = _Offload(
            **dict(zip(_WORDS, (*map(int, words), self._most, self._patience_ns), strict=True)),
            **{name: array.ctypes.data for name, array in self.arrays.items()},
            kernel=self.port.kernel,
            driver=ctypes.cast(ctypes.c_char_p(self._driver), ctypes.c_void_p).value,
        )
        return self.found

    @property
    def said(self) -> str:
        """What went wrong, in the driver's words."""
        return bytes(self.found.said).decode(errors="replace")

    @property
    def host_cpu_s(self) -> float:
        """CPU seconds of this machine that kernels took in the last run."""
        return float(self.found.cpu_ns * 1e-9)

    @property
    def device_s(self) -> Array:
        """The least seconds of the kernel ever seen for a task of each algorithm; infinite where it is not offloaded."""
        found = np.full(len(self._number), np.inf)
        found[self._number] = np.where(self.arrays["offloaded"] > 0, self.arrays["least_ns"] * 1e-9, np.inf)
        return found
