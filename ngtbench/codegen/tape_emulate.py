"""Run the kernels of a tape on the host's processor as a GPU would: every launch, and of each every thread, one after another."""

import ctypes
from collections.abc import Mapping

import numpy as np

from ngtbench.codegen import emulate, gpu, pages, tape_gpu, tape_launch
from ngtbench.codegen.cache import library
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.tape import Tape
from ngtbench.model.workload import Array

_DRIVER = """\
extern "C" void launch_{name}(const unsigned blocks, const unsigned threads, const int backwards, {parameters})
{{
  blockDim = {{threads, 1, 1}};
  gridDim = {{blocks, 1, 1}};
  for (unsigned i = 0; i < blocks * threads; ++i) {{
    const unsigned k = backwards ? blocks * threads - 1 - i : i;
    blockIdx = {{k / threads, 0, 0}};
    threadIdx = {{k % threads, 0, 0}};
    {name}({names});
  }}
}}
"""


def text(source: str, names: tuple[str, ...]) -> str:
    """Return C++ for the host: the words of CUDA, a tape's text unchanged, and for each kernel a loop over blocks and threads."""
    drivers = [
        _DRIVER.format(
            name=name,
            parameters=", ".join(tape_gpu.PARAMETERS),
            names=", ".join(parameter.split()[-1].lstrip("*") for parameter in tape_gpu.PARAMETERS),
        )
        for name in names
    ]
    return "\n".join([emulate.WORDS, source, *drivers])


def run(
    tape: Tape,
    compiler: Compiler,
    inputs: Array,
    scalars: Mapping[str, float],
    *,
    factor: float = 1.0,
    mixed: bool = False,
    most: int = 2,
    backwards: bool = False,
) -> Array:
    """Return the sum of a^T C a of every event, (tiles, lanes), from inputs (tiles, tape.inputs, lanes).

    At most so many tiles are in memory at once; `backwards` runs the threads of a launch from the last to the first. Memory
    is NaN at first.
    """
    tiles, _, lanes = inputs.shape
    source, how = tape_gpu.source(tape, str(inputs.dtype), lanes, gpu.THREADS, mixed), tape_launch.schedule(tape)
    made = library(f"{tape.name}-emulated", text(source, tape_launch.kernels(tape)), compiler, ("-O1",))
    colour = pages.empty(how.colour.shape, "float32" if mixed else str(inputs.dtype))
    colour[...] = factor * how.colour
    memory = np.full((most, tape_launch.size(tape), lanes), np.nan, inputs.dtype)
    values = np.array([scalars[name] for name in tape.scalars], np.float64)
    out = np.full((tiles, lanes), np.nan, inputs.dtype)
    for first, count in tape_launch.batches(tiles, most):
        given, into = inputs[first : first + count], out[first : first + count]
        for launch in how.launches:
            blocks = tape_launch.blocks(launch.tasks, count, lanes, gpu.THREADS)
            made.cdll[f"launch_{launch.kernel}"](
                *map(ctypes.c_uint, (blocks, gpu.THREADS, backwards)),
                *(ctypes.c_void_p(array.ctypes.data) for array in (how.words, colour, values, given, memory, into)),
                *map(ctypes.c_int, (launch.first, launch.tasks, count)),
            )
    return out
