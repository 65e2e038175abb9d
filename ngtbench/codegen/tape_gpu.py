"""Write the blocks of a tape as CUDA or HIP: a small kernel for each kind, the numbers of events in global memory between them.

Memory is [tile][number][lane]: neighbouring threads read neighbouring words, and offsets within an operand are known to the
compiler (a quarter to two fifths fewer instructions than where they depend on how many events there are). A warp does one record
of one tile. The next warp, in a thread block or in the next, does the next record of the same tile: these share most of what they
read (of gg -> tt~ggg, records of 4 at a time read 1.5 times less than one by one, and all of a segment 9 times), which then is
in cache. The text includes nothing and is the same for NVRTC, nvcc, HIPRTC and hipcc.
"""

import textwrap

from ngtbench.codegen import cpp, gpu, tape_launch
from ngtbench.codegen.program import Program
from ngtbench.codegen.schedule import steps
from ngtbench.codegen.tape import Kind, Tape, finish_program, term_program

_PROLOGUE = """\
typedef {real} T;
typedef T V;
typedef {narrow} E;
enum {{ W = {lanes}, UNITS = {units}, SIZE = {size}, R = {rows} }};
struct alignas(R * sizeof(E) < 16 ? R * sizeof(E) : 16) Row {{ E c[R]; }};
"""
_SIZES = """\
enum {{ INPUTS = {inputs}, WIDTH = {width}, PARTIAL = {partial}, PARTS = {parts}, CHUNKS = {chunks}, K = {columns} }};
"""
_TILE = 4096  # numbers of an event where no tape tells: registers hardly depend on it
PARAMETERS = (
    "const int *const __restrict__ words",
    "const Row *const __restrict__ colour",
    "const double *const __restrict__ scalars",
    "const T *const __restrict__ in",
    "T *const memory",
    "T *const __restrict__ out",
    "const int first",
    "const unsigned tasks",
    "const unsigned tiles",
)
_KERNEL = """\
extern "C" __global__ void __launch_bounds__({threads}) {name}(
    {parameters})
{{
  const unsigned unit = blockIdx.x * UNITS + threadIdx.x / W, tile = unit / tasks, lane = threadIdx.x % W;
  if (tile >= tiles) return;
{task}  T *const m = memory + (long long)tile * (SIZE * W) + lane;
{body}
}}
"""
# Inputs are copied into memory, and what columns of blocks of C will add up to is cleared.
_ENTERED = """\
const T *const given = in + ((long long)tile * INPUTS + task) * W + lane;
m[(task < INPUTS ? task : PARTIAL + task - INPUTS) * W] = task < INPUTS ? *given : T(0);"""
# A chunk is R rows of a block of C and all rows before them, whose elements stand for those on the other side too.
_CONTRACTED = """\
const int *const p = words + words[first + task % CHUNKS];
const Row *const c = colour + p[1];
const T *const a = m + task / CHUNKS * (K * W);
E s[R][K] = {};
for (int j = 0; j < p[0]; ++j) {
  const Row row = c[j];
  const T *const b = a + p[2 + j] * W;
#pragma unroll
  for (int k = 0; k < K; ++k) {
    const E x = E(b[k * W]);
#pragma unroll
    for (int r = 0; r < R; ++r) s[r][k] += row.c[r] * x;
  }
}
E total = 0;
#pragma unroll
for (int r = 0; r < R; ++r) {
  const T *const b = a + p[2 + p[0] - R + r] * W;
#pragma unroll
  for (int k = 0; k < K; ++k) total += E(b[k * W]) * s[r][k];
}
m[(PARTIAL + task) * W] += T(total);"""
_SUMMED = """\
T total = 0;
for (int k = 0; k < PARTS; ++k) total += m[(PARTIAL + k) * W];
out[(long long)tile * W + lane] = total;"""


def source(tape: Tape, dtype: str, lanes: int = gpu.LANES, threads_per_block: int = gpu.THREADS, mixed: bool = False) -> str:
    """Return the text of kernels for what `tape_launch.schedule` launches, each `extern "C" __global__ void KERNEL(PARAMETERS)`.

    `in` is [tile][input][lane], `out` [tile][lane], `memory` [tile][`size`][lane]; `words` and `colour` are those of
    `tape_launch.schedule`. Lanes divide the threads of a block. `mixed` contracts in single precision.
    """
    sizes = {
        "inputs": tape.inputs,
        "width": tape.width,
        "partial": tape.size,
        "parts": tape_launch.parts(tape),
        "chunks": len(list(tape_launch.chunks(tape))),
        "columns": tape_launch.columns(tape),
    }
    programs = [program for kind in tape.kinds for program in _programs(kind, tape.scalars)]
    lines = [*_prologue(programs, dtype, lanes, threads_per_block, tape_launch.size(tape), mixed), _SIZES.format(**sizes)]
    bodies = {"entered": _ENTERED} | {kind.name: _body(kind, tape.scalars) for kind in tape.kinds}
    bodies |= {f"turned_{count}": _turned(count) for count in sorted(set(tape.contraction.groups) - {1})}
    bodies |= {"contracted": _CONTRACTED, "summed": _SUMMED}
    return "\n".join([*lines, *(_kernel(name, body, threads_per_block) for name, body in bodies.items())])


def block(kind: Kind, scalars: tuple[str, ...], dtype: str, lanes: int = gpu.LANES) -> str:
    """Return the text of one kind's kernel alone, as `source` has it."""
    lines = _prologue(_programs(kind, scalars), dtype, lanes, gpu.THREADS, _TILE)
    return "\n".join([*lines, _kernel(kind.name, _body(kind, scalars), gpu.THREADS)])


def _prologue(programs: list[Program], dtype: str, lanes: int, threads: int, size: int, mixed: bool = False) -> list[str]:
    real, narrow = cpp.TYPES[dtype], cpp.TYPES["float32" if mixed else dtype]
    head = _PROLOGUE.format(real=real, narrow=narrow, lanes=lanes, units=threads // lanes, size=size, rows=tape_launch.ROWS)
    return [head, *(text for one, text in gpu.functions(dtype).items() if any(gpu.uses(program, one) for program in programs))]


def _kernel(name: str, body: str, threads: int) -> str:
    task = "  const unsigned task = unit % tasks;\n" * ("task" in body)
    inner = textwrap.indent(body, "  ", lambda line: not line.startswith("#"))
    return _KERNEL.format(threads=threads, name=name, parameters=",\n    ".join(PARAMETERS), task=task, body=inner)


def _programs(kind: Kind, scalars: tuple[str, ...]) -> list[Program]:
    return [*(term_program(kind, term, scalars) for term in kind.terms), finish_program(kind, scalars)]


def _body(kind: Kind, scalars: tuple[str, ...]) -> str:
    """Write an operation: sums stay in registers, extras and operands are read where they are used."""
    *terms, finish = _programs(kind, scalars)
    used = {program.ops[number].what for program in (*terms, finish) for number in program.live()}
    lines = ["const int *const p = words + words[first + task];"]
    lines += [f"const T {name} = T(scalars[{k}]);" for k, name in enumerate(scalars) if name in used]
    lines += [f"const T *const x{k}_0 = m + p[{1 + k}] * W;" for k in range(len(kind.extras))]
    lines += [f"T s{k} = 0;" for k in range(kind.sums)]
    if terms:
        lines.append(f"const int *q = p + {kind.head};")
    for k, (term, program) in enumerate(zip(kind.terms, terms, strict=True)):
        count = len(term.lengths)
        lines.append(f"for (int i = p[{1 + len(kind.extras) + k}]; i > 0; --i, q += {count}) {{")
        lines += [f"  const T *const {chr(ord('a') + j)}0 = m + q[{j}] * W;" for j in range(count)]
        lines += ["  " + line for line in _written(program)]
        lines += [f"  const T n{j} = {cpp.stored(program, number)};" for j, number in enumerate(program.outputs["out"])]
        lines += [f"  s{j} = n{j};" for j in range(kind.sums)]
        lines.append("}")
    lines += [*_written(finish), "T *const into = m + p[0] * W;"]
    lines += [f"into[{j} * W] = {cpp.stored(finish, number)};" for j, number in enumerate(finish.outputs["out"])]
    return "\n".join(lines)


def _written(program: Program) -> list[str]:
    numbers = [number for step in steps(program) for number in step.lines]
    return [cpp.line(program, number, " * W") for number in numbers if cpp.named(program.ops[number])]


def _turned(count: int) -> str:
    """Write the sums and differences of a group of rows in a column."""
    lines = ["T *const a = m + words[first + task] * W;", *(f"T x{g} = a[{g} * WIDTH * W];" for g in range(count))]
    for half in (2**k for k in range(count.bit_length() - 1)):
        lines += [
            f"{{ const T y = x{g}, z = x{g + half}; x{g} = y + z; x{g + half} = y - z; }}" for g in range(count) if not g & half
        ]
    return "\n".join([*lines, *(f"a[{g} * WIDTH * W] = x{g};" for g in range(count))])
