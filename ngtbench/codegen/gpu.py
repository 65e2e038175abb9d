"""Write a traced kernel as CUDA or HIP: one thread per lane of each block, the body's lines as they are on a processor.

The text includes nothing and is the same for NVRTC, nvcc, HIPRTC and hipcc; lines that move a value between lanes are plain
copies, for a thread reads its neighbour's lane to begin with.
"""

import textwrap
from collections.abc import Collection, Mapping, Sequence

from ngtbench.codegen import cpp, reads
from ngtbench.codegen.kernel import Field, Hop, Kernel
from ngtbench.codegen.program import OWN, Program
from ngtbench.codegen.schedule import steps
from ngtbench.codegen.trace import trace

LANES = 32  # sites of a block: neighbouring threads then read neighbouring words
THREADS = 128  # of a thread block
OPTIONS = ("--std=c++17",)  # of every compiler; what is checked is what runs

_PROLOGUE = """\
typedef {real} T;
typedef T V;
enum {{ W = {lanes} }};
"""


def source(
    kernel: Kernel, dtype: str, lanes: int, permuted: Mapping[Hop, Sequence[int]], threads_per_block: int = THREADS
) -> str:
    """Return the text of `extern "C" __global__ void NAME(first, last, sources, table, scalars, sums, fields...)`.

    Thread block b takes source b % sources and the b / sources'th group of threads, so that all sources of a site are near in
    time and what they share is still in cache. (A loop over the sources was tried: compilers keep all links in registers.)
    Thread `index` of a source takes lane index % W of row first + index / W. Fields are [block][source][component][lane],
    `scalars` is [source][scalar]; `sums` is [source][sum][index], index < (last - first) W, every one written: the host adds
    them up, so that a result does not depend on the order of threads. Counts are long long. The grid is `blocks` x 1 x 1.
    """
    program = trace(kernel)
    read = {frame for field in kernel.fields for frame in reads.frames(program, field.name)} - {OWN}
    moving = {frame: permuted[kernel.hops[frame - 1]] for frame in sorted(read)}
    moving = {frame: order for frame, order in moving.items() if list(order) != list(range(lanes))}
    lines = [_PROLOGUE.format(real=cpp.TYPES[dtype], lanes=lanes)]
    lines += [text for kind, text in functions(dtype).items() if uses(program, kind)]
    if any(field.storage == "int16" and field.access != "in" for field in kernel.fields):
        nearest = "rint" if dtype == "float64" else "rintf"
        lines.append(f"static __device__ inline short narrowed(T x) {{ return short({nearest}(x)); }}")
    lines += [
        f"static __device__ const {_index(lanes)} P{frame}[W] = {{{', '.join(map(str, order))}}};"
        for frame, order in moving.items()
    ]
    lines += cpp.functions(program, "static __device__ __noinline__ ")
    fields = "".join(f",\n    {cpp.declared(one)} *const __restrict__ {one.name}" for one in kernel.fields)
    width = 1 + len(kernel.hops)
    lines.append(
        f'extern "C" __global__ void __launch_bounds__({threads_per_block}) {cpp.identifier(kernel.name)}(\n'
        "    const long long first, const long long last, const long long sources,\n"
        "    const int *const __restrict__ table, const double *const __restrict__ scalars, "
        f"double *const __restrict__ sums{fields})\n"
        "{\n"
        "  const long long s = blockIdx.x % (unsigned)sources;\n"
        "  const long long index = (long long)(blockIdx.x / (unsigned)sources) * blockDim.x + threadIdx.x;\n"
        "  const long long count = (last - first) * W;\n"
        "  if (index >= count) return;\n"
        f"  const int *const row = table + {width} * (first + index / W);\n"
        + textwrap.indent("\n".join([*_lanes(read, moving), *_body(kernel, program)]), "  ")
        + "\n}\n"
    )
    return "\n".join(lines)


def blocks(rows: int, lanes: int, sources: int, threads_per_block: int = THREADS) -> int:
    """Return how many thread blocks visit so many rows."""
    return -(-rows * lanes // threads_per_block) * sources


def uses(program: Program, kind: str) -> bool:
    """Tell whether an operation of a kind is written, here or in a building block."""
    return any(op.kind == kind or (op.kind == "call" and uses(op.what.program, kind)) for op in program.ops)


def functions(dtype: str) -> dict[str, str]:
    """Return what the lines call, by the kind of operation that does."""
    return {
        "sqrt": f"static __device__ inline T root(T x) {{ return {'sqrt' if dtype == 'float64' else 'sqrtf'}(x); }}",
        "load16": "static __device__ inline T fetched(short x) { return T(x); }",
        "larger": "static __device__ inline T larger(T x, T y) { return x > y ? x : y; }",
        "signum": f"static __device__ inline T signum(T x) {{ return copysign{'' if dtype == 'float64' else 'f'}(T(1), x); }}",
        "magnitude": "static __device__ inline T magnitude(T x) { return x < T(0) ? -x : x; }",
    }


def _index(lanes: int) -> str:
    return "unsigned char" if lanes <= 256 else "int"


def _lanes(read: Collection[int], moving: Collection[int]) -> list[str]:
    """Write which lane of its block each frame is read in."""
    lines = ["const int lane0 = (int)(index % W);"]
    lines += [
        f"const int lane{frame} = " + (f"row[{frame}] & 1 ? P{frame}[lane0] : lane0;" if frame in moving else "lane0;")
        for frame in sorted(read)
    ]
    return lines


def _body(kernel: Kernel, program: Program) -> list[str]:
    lines = [f"const T {name} = T(scalars[s * {len(kernel.scalars)} + {k}]);" for k, name in enumerate(kernel.scalars)]
    for field in kernel.fields:
        frames = reads.frames(program, field.name) | ({OWN} if field.access != "in" else set())
        lines += [_pointer(field, frame) for frame in sorted(frames)]
    lines += _room(program)
    lines += [_line(program, number) for step in steps(program) for number in step.lines if cpp.named(program.ops[number])]
    for field in kernel.fields:
        if field.access != "in":
            numbers = program.outputs[field.name]
            lines += [f"{field.name}{OWN}[{c} * W] = {cpp.kept(field, program, number)};" for c, number in enumerate(numbers)]
    lines += [
        f"sums[(s * {len(kernel.sums)} + {k}) * count + index] = double({cpp.stored(program, program.outputs[name][0])});"
        for k, name in enumerate(kernel.sums)
    ]
    return lines


def _room(program: Program) -> list[str]:
    """Write the arrays that all building blocks take their numbers from and leave them in.

    Compilers give each array of a thread a place of its own in local memory, which one pair for all calls keeps small.
    """
    calls = [op for op in program.ops if op.kind == "call"]
    if not calls:
        return []
    most = max(len(op.args) for op in calls), max(len(op.what.program.outputs["out"]) for op in calls)
    return ["V given[{}], got[{}];".format(*most)]


def _line(program: Program, number: int) -> str:
    """Write one line; what a building block returns is taken at once, for `trace` writes the parts right after the call."""
    op = program.ops[number]
    if op.kind == "call":
        copies = " ".join(f"given[{k}] = {cpp.operand(program, arg)};" for k, arg in enumerate(op.args))
        return f"{copies} {op.what.name}(given, got);"
    if op.kind == "part":
        return f"const V t{number} = got[{op.what}];"
    return cpp.line(program, number, " * W")


def _pointer(field: Field, frame: int) -> str:
    """Write where this thread's numbers of a field start in a frame."""
    block = "(long long)row[0]" if frame == OWN else f"(long long)(row[{frame}] >> 1)"
    start = f"({block} * sources + s)" if field.each else block
    return f"{cpp.declared(field)} *const {field.name}{frame} = {field.name} + {start} * {field.components} * W + lane{frame};"
