"""A compiler that works, and kernels for GPUs on a stand-in for CuPy: every thread runs on the host, one after another."""

import ctypes
import importlib
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ngtbench import codegen
from ngtbench.codegen.cache import library
from ngtbench.codegen.compiler import Compiler, find
from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array

_WORDS = """\
#include <math.h>
#define __global__
#define __device__
#define __forceinline__
#define __launch_bounds__(...)
struct Place { unsigned x, y, z; };
static Place threadIdx, blockIdx, blockDim, gridDim;
template <typename N> N atomicAdd(N *p, N x) { const N old = *p; *p += x; return old; }
extern "C" void at(unsigned block, unsigned thread, unsigned blocks, unsigned threads)
{
  blockIdx.x = block, threadIdx.x = thread, gridDim.x = blocks, blockDim.x = threads;
}
"""


class Device(np.ndarray[Any, Any]):
    """An array that says where on the device it lies as CuPy's do."""

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self.ctypes.data)


def _device(array: Array) -> Any:
    return np.array(array, order="C").view(Device)


def _given(one: Any) -> Any:
    assert type(one) not in (int, float), "CuPy would choose the type"
    kinds: dict[Any, Any] = {np.uint64: ctypes.c_ulonglong, np.int64: ctypes.c_longlong}
    kinds |= {np.float32: ctypes.c_float, np.float64: ctypes.c_double}
    return ctypes.c_void_p(one.ctypes.data) if isinstance(one, Device) else kinds[type(one)](one.item())


@pytest.fixture
def host() -> Compiler:
    try:
        return find()
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def on_gpu(host: Compiler, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Return a function that imports a module which imports CuPy."""

    class RawModule:
        def __init__(self, code: str, **options: Any) -> None:
            self.cdll = library("emulated", _WORDS + code, host, ("-O1",)).cdll

        def get_function(self, name: str) -> Any:
            kernel, at = self.cdll[name], self.cdll["at"]

            def launch(blocks: tuple[int], threads: tuple[int], given: tuple[Any, ...]) -> None:
                values = [_given(one) for one in given]
                for block in range(blocks[0]):
                    for thread in range(threads[0]):
                        at(block, thread, blocks[0], threads[0])
                        kernel(*values)

            launch.__dict__["attributes"] = {"numRegs": 32, "localSizeBytes": 0}
            return launch

    fake: Any = ModuleType("cupy")
    fake.RawModule, fake.asarray, fake.ndarray = RawModule, _device, Device
    fake.zeros = lambda shape, dtype=float: _device(np.zeros(shape, dtype))
    fake.empty = lambda shape, dtype=float: _device(np.full(shape, 77, dtype))
    monkeypatch.setitem(sys.modules, "cupy", fake)

    def imported(name: str) -> Any:
        for module in (name, "ngtbench.codegen.rtc"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        found = importlib.import_module(name)
        for module in (name, "ngtbench.codegen.rtc"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        vars(codegen).pop("rtc", None)  # or others would import this one from the package
        return found

    return imported
