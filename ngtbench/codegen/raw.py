"""Loops written by hand, in the part of C++ that processors and GPUs share: one text, run by every thread of either.

A text is the body of a function that each worker, a thread, runs. It may use `worker`, `workers` and its parameters; `V`, W
numbers of type `T` in one register, W = 1 on a GPU, `total(v)`, their sum, and `root(v)`; `VU`, W integers `U` of 64 bits,
`lane()`, which are 0 to W-1, and `real(u)`, numbers made of integers below 2^63; `put(p, v)`, which stores W numbers as floats or
doubles, whatever p points to; `each(i, n)`, a loop over this worker's share of n; `add(p, x)`, an atomic sum of integers `U`; and
`again`, behind which nothing in memory is known any more, so that every pass of a loop is made.
"""

import ctypes
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.codegen import cpp
from ngtbench.codegen.cache import Built, library
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.gpu import OPTIONS, THREADS

_HOST = """\
#ifdef _OPENMP
#include <omp.h>
#endif
typedef {real} T;
enum {{ W = {lanes} }};
typedef unsigned long long U;
#define inline_body static inline __attribute__((always_inline))
#define each(i, n) for (U i = (n) / workers * worker + ((n) % workers < worker ? (n) % workers : worker), \\
  i##_end = i + (n) / workers + (worker < (n) % workers); i < i##_end; ++i)
#define add(p, x) __atomic_fetch_add(p, x, __ATOMIC_RELAXED)
#define again __asm__ volatile("" ::: "memory")
{vectors}
"""
_VECTORS = """\
typedef T V __attribute__((vector_size(W * sizeof(T))));
typedef U VU __attribute__((vector_size(W * sizeof(U))));
inline_body T total(V x) { T y = 0; for (int l = 0; l < W; ++l) y += x[l]; return y; }
inline_body V root(V x) { V y; for (int l = 0; l < W; ++l) y[l] = __builtin_sqrt(x[l]); return y; }
inline_body VU lane() { VU y; for (int l = 0; l < W; ++l) y[l] = l; return y; }
inline_body V real(VU x)
{
  typedef long long I __attribute__((vector_size(W * sizeof(U))));  // processors convert signed integers
  return __builtin_convertvector((I)x, V);
}
#define stored(R) inline_body void put(R *p, V x) { \\
  typedef R To __attribute__((vector_size(W * sizeof(R)), aligned(sizeof(R)))); *(To *)p = __builtin_convertvector(x, To); }
stored(float)
stored(double)"""
_SCALARS = """\
typedef T V;
typedef U VU;
inline_body T total(V x) { return x; }
inline_body V root(V x) { return __builtin_sqrt(x); }
inline_body VU lane() { return 0; }
inline_body V real(VU x) { return V((long long)x); }
template <typename R> inline_body void put(R *p, V x) { *p = R(x); }"""
_DEVICE = """\
typedef {real} T;
enum {{ W = 1 }};
typedef unsigned long long U;
#define inline_body static __device__ __forceinline__
#define each(i, n) for (U i = worker; i < (n); i += workers)
#define add(p, x) atomicAdd(p, x)
#define again __asm__ volatile("" ::: "memory")
{vectors}
"""
_BODY = """
{functions}
inline_body void {name}_body(const U worker, const U workers, {parameters})
{{
{body}
}}

"""
_HOST_ENTRY = """\
extern "C" void {name}(const U asked, {parameters})
{{
#ifdef _OPENMP
#pragma omp parallel num_threads(asked)
  {name}_body(omp_get_thread_num(), omp_get_num_threads(), {names});
#else
  {name}_body(0, 1, {names});
#endif
}}
"""
_DEVICE_ENTRY = """\
extern "C" __global__ void __launch_bounds__({threads}) {name}({parameters})
{{
  {name}_body(blockIdx.x * (U)blockDim.x + threadIdx.x, gridDim.x * (U)blockDim.x, {names});
}}
"""


@dataclass(frozen=True)
class Text:
    """A loop; `parameters` are pairs of a type (`U`, `T`, or a pointer) and a name, `functions` each begin with `inline_body`."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    body: str
    functions: str = ""


Call = Callable[..., None]


def host(text: Text, dtype: str, lanes: int) -> str:
    """Return C++ for OpenMP: `void NAME(threads, parameters...)`."""
    vectors = _VECTORS if lanes > 1 else _SCALARS
    return _written(text, _HOST.format(real=cpp.TYPES[dtype], lanes=lanes, vectors=vectors), _HOST_ENTRY)


def device(text: Text, dtype: str) -> str:
    """Return CUDA or HIP: `__global__ void NAME(parameters...)`, for blocks of `gpu.THREADS` threads."""
    root = "sqrt" if dtype == "float64" else "sqrtf"
    vectors = _SCALARS.replace("__builtin_sqrt", root)
    return _written(text, _DEVICE.format(real=cpp.TYPES[dtype], vectors=vectors), _DEVICE_ENTRY)


def built(text: Text, dtype: str, lanes: int, compiler: Compiler) -> Built:
    """Return the compiled text, from the cache where it was compiled before.

    Raises Unavailable where it cannot be compiled here, CompileError where the compiler rejects it.
    """
    return library(text.name, host(text, dtype, lanes), compiler)


def called(made: Built, text: Text, threads: int, *given: Any) -> Callable[[], None]:
    """Return a call of a compiled text by so many threads; whole numbers are unsigned, others of the precision of its `T`.

    An argument is a NumPy array, of which the start is passed, or a number. Raises ValueError for a wrong number of them.
    """
    if len(given) != len(text.parameters):
        raise ValueError(f"{text.name} takes {len(text.parameters)} arguments, not {len(given)}")
    function = made.cdll[text.name]
    values = (ctypes.c_ulonglong(threads), *(_value(one) for one in given))

    def call() -> None:
        function(*values)

    call.__dict__["kept"] = (made, given)  # what the addresses point to
    return call


def launched(text: Text, dtype: str) -> Call:
    """Compile a text for the current device through CuPy; return `call(blocks, *arguments)`, which does not wait.

    Whole numbers must be np.uint64, others of the precision of `T`.
    """
    cupy: Any = importlib.import_module("cupy")
    module = cupy.RawModule(code=device(text, dtype), backend="nvrtc", options=OPTIONS)  # on ROCm this is HIPRTC
    function = module.get_function(text.name)

    def call(blocks: int, *given: Any) -> None:
        function((blocks,), (THREADS,), given)

    return call


def _written(text: Text, prologue: str, entry: str) -> str:
    parameters = ", ".join(f"{kind} {name}" for kind, name in text.parameters)
    words = {"name": text.name, "parameters": parameters, "names": ", ".join(name for _, name in text.parameters)}
    return prologue + _BODY.format(body=text.body, functions=text.functions, **words) + entry.format(threads=THREADS, **words)


def _value(one: Any) -> Any:
    if isinstance(one, np.ndarray):
        return ctypes.c_void_p(one.ctypes.data)
    if isinstance(one, np.float32):
        return ctypes.c_float(float(one))
    return ctypes.c_ulonglong(int(one)) if isinstance(one, (int, np.integer)) else ctypes.c_double(float(one))
