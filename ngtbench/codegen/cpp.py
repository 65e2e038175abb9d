"""Write a traced kernel as C++: the body on vectors of one register, blocks shared among OpenMP threads.

GCC's and Clang's vector types take the lines as they are, on every instruction set, and permute lanes in registers.
"""

import textwrap
from collections.abc import Collection, Mapping, Sequence

from ngtbench.codegen import reads
from ngtbench.codegen.kernel import Field, Hop, Kernel
from ngtbench.codegen.program import OWN, Op, Program
from ngtbench.codegen.schedule import Step, steps
from ngtbench.codegen.trace import trace

TYPES = {"float64": "double", "float32": "float"}
_SIGN = {"add": "+", "sub": "-", "mul": "*", "div": "/"}

_PROLOGUE = """\
#ifdef _OPENMP
#include <omp.h>
#endif
typedef {real} T;
enum {{ W = {lanes} }};
{vectors}
"""
_VECTORS = """\
typedef T V __attribute__((vector_size(W * sizeof(T)), aligned(W * sizeof(T) < 64 ? W * sizeof(T) : 64)));
typedef double D __attribute__((vector_size(W * sizeof(double)), aligned(sizeof(double))));
#if defined(__clang__) || __GNUC__ >= 12
#define PERMUTED(x, ...) __builtin_shufflevector(x, x, __VA_ARGS__)
#else
typedef {integer} I __attribute__((vector_size(W * sizeof(T))));
#define PERMUTED(x, ...) __builtin_shuffle(x, (I){{__VA_ARGS__}})
#endif
typedef short H __attribute__((vector_size(W * sizeof(short))));
typedef int J __attribute__((vector_size(W * sizeof(int)), aligned(sizeof(int))));
static inline V fetched(H x) {{ return __builtin_convertvector(__builtin_convertvector(x, J), V); }}
static inline H narrowed(V x) {{ return __builtin_convertvector(__builtin_convertvector(x + {magic} - {magic}, J), H); }}
static inline D wide(V x) {{ return __builtin_convertvector(x, D); }}
static inline V larger(V x, V y) {{ return x > y ? x : y; }}
static inline V magnitude(V x) {{ return x < T(0) ? -x : x; }}
static inline V signum(V x) {{ V y; for (int l = 0; l < W; ++l) y[l] = __builtin_copysign(T(1), x[l]); return y; }}
static inline V root(V x) {{ V y; for (int l = 0; l < W; ++l) y[l] = __builtin_sqrt(x[l]); return y; }}"""
_SCALARS = """\
typedef T V;
typedef double D;
typedef short H;
static inline V fetched(H x) {{ return x; }}
static inline H narrowed(V x) {{ return H(x + {magic} - {magic}); }}
static inline D wide(V x) {{ return x; }}
static inline V larger(V x, V y) {{ return x > y ? x : y; }}
static inline V magnitude(V x) {{ return x < 0 ? -x : x; }}
static inline V signum(V x) {{ return __builtin_copysign(T(1), x); }}
static inline V root(V x) {{ return __builtin_sqrt(x); }}"""

_STREAM = """\
#if defined(__clang__)
#define stream(p, x) __builtin_nontemporal_store(x, p)
#elif defined(__x86_64__) && {known}
#define stream(p, x) __builtin_ia32_movntp{which}(({real} *)(p), x)
#else
#define stream(p, x) (*(p) = (x))
#endif
#if defined(__x86_64__)
#define streamed() __builtin_ia32_sfence()
#else
#define streamed() __asm__ volatile("" ::: "memory")
#endif
"""


def source(
    kernel: Kernel,
    dtype: str,
    lanes: int,
    permuted: Mapping[Hop, Sequence[int]],
    streams: Collection[str] = (),
    many: bool = False,
) -> str:
    """Return the text of `extern "C" void NAME(first, last, sources, threads, table, scalars, sums, fields...)`.

    Rows [first, last) of the table are visited. `scalars` is [source][scalar] and `sums` [thread][source][sum][lane], zero
    beforehand, both double. Prefetches, more of them for `many` sources, are spread over the lines. Fields in
    `streams` go past the caches, where the processor can store so: whole lines are then not read before they are written.
    If there are no hops either, row i is block i, and the table, which would take a part of the bandwidth, is not read.
    """
    program = trace(kernel)
    lines = [prologue(dtype, lanes)]
    lines += [_streaming(dtype, lanes)] * bool(streams)
    lines += functions(program, "static __attribute__((noinline)) ")
    body = [
        *_pointers(kernel, program, "i" if streams and not kernel.hops else "row[0]"),
        *reads.spread(_body(kernel, program, permuted, streams), reads.ahead(kernel, program, dtype, lanes, many)),
    ]
    fields = "".join(f", {declared(field)} *const __restrict {field.name}" for field in kernel.fields)
    lines.append(
        f'extern "C" void {identifier(kernel.name)}(const long first, const long last, const long sources, const long threads,\n'
        f"    const int *const __restrict table, const double *const scalars, double *const sums{fields})\n"
        "{\n"
        "#pragma omp parallel num_threads(threads)\n  {\n" + _totals(kernel) + "#pragma omp for schedule(static)\n"
        "    for (long i = first; i < last; ++i) {\n"
        f"      const int *const row = table + {1 + len(kernel.hops)} * i;\n"
        + f"      const int *const next = row + {1 + len(kernel.hops)};\n" * reads.looks_ahead(kernel)
        + "      for (long s = 0; s < sources; ++s) {\n"
        + textwrap.indent("\n".join(body), " " * 8)
        + "\n      }\n    }\n"
        + "    streamed();\n" * bool(streams)
        + "  }\n}\n"
    )
    return "\n".join(lines)


def prologue(dtype: str, lanes: int) -> str:
    """Return the types and functions that lines are written in: T, a register V of W of them, and what no operator does."""
    integer, magic = ("int", "T(12582912)") if dtype == "float32" else ("long", "T(6755399441055744)")  # 1.5 x 2^23, 2^52
    vectors = (_VECTORS if lanes > 1 else _SCALARS).format(integer=integer, magic=magic)
    return _PROLOGUE.format(real=TYPES[dtype], lanes=lanes, vectors=vectors)


def identifier(name: str) -> str:
    """Return a kernel's name as C spells it."""
    return name.replace("-", "_")


def functions(program: Program, prefix: str) -> list[str]:
    """Write the building blocks a program calls, one function each."""
    blocks = {op.what.name: op.what for op in program.ops if op.kind == "call"}
    written = []
    for name, block in blocks.items():
        numbers = [step.lines[0] for step in steps(block.program)]
        lines = [line(block.program, number) for number in numbers if named(block.program.ops[number])]
        lines += [f"out[{k}] = {stored(block.program, n)};" for k, n in enumerate(block.program.outputs["out"])]
        written.append(f"{prefix}void {name}(const V *const in, V *const out)\n{{\n  " + "\n  ".join(lines) + "\n}\n")
    return written


def line(program: Program, number: int, stride: str = "") -> str:
    """Write one line; constants and scalars have none of their own. `stride` follows a component's number in loads."""
    op = program.ops[number]
    if op.kind == "load16":
        name, component, frame = op.what
        return f"const V t{number} = fetched({name}{frame}[{component}{stride}]);"
    if op.kind == "load":
        name, component, frame = op.what
        return f"const V t{number} = {name}{frame}[{component}{stride}];"
    if op.kind == "call":
        args = ", ".join(operand(program, arg) for arg in op.args)
        count = len(op.what.program.outputs["out"])
        return f"const V a{number}[{len(op.args)}] = {{{args}}}; V r{number}[{count}]; {op.what.name}(a{number}, r{number});"
    return f"const V t{number} = {_value(program, op)};"


def operand(program: Program, number: int) -> str:
    """Write a line's value where it is used."""
    op = program.ops[number]
    if op.kind == "const":
        return f"T({op.what!r})"
    return f"{op.what}" if op.kind == "scalar" else f"t{number}"


def named(op: Op) -> bool:
    """Tell whether a line is written; constants and scalars are written where they are used."""
    return op.kind not in ("const", "scalar")


def _value(program: Program, op: Op) -> str:
    if op.kind == "arg":
        return f"in[{op.what}]"
    if op.kind == "part":
        return f"r{op.args[0]}[{op.what}]"
    vectors = any(named(program.ops[arg]) for arg in op.args)  # else the first is made one: no vector is a number
    args = [operand(program, arg) if vectors and op.kind in _SIGN else f"({stored(program, arg)})" for arg in op.args]
    if op.kind in ("neg", "move"):
        return f"{'-' * (op.kind == 'neg')}{args[0]}"
    if op.kind in ("larger", "magnitude", "signum"):
        return f"{op.kind}({', '.join(args)})"
    if op.kind == "sqrt":
        return f"root({args[0]})"
    return f"{args[0]} {_SIGN[op.kind]} {args[1]}"


def _pointers(kernel: Kernel, program: Program, own: str) -> list[str]:
    """Write where this visit's block of each field starts, and of each neighbour's, as pointers to vectors."""
    lines = [f"const T {name} = T(scalars[s * {len(kernel.scalars)} + {k}]);" for k, name in enumerate(kernel.scalars)]
    for field in kernel.fields:
        const = "const " * (field.access == "in")
        for frame in sorted(reads.frames(program, field.name) | ({OWN} if field.access != "in" else set())):
            block = own if frame == OWN else f"(row[{frame}] >> 1)"
            start = reads.start(block, field.each, field.components)
            vector = "V" if field.storage == "real" else "H"
            lines.append(f"{const}{vector} *const {field.name}{frame} = ({const}{vector} *)({field.name} + {start});")
    return lines


def _streaming(dtype: str, lanes: int) -> str:
    """Define `stream(p, x)`, a store past the caches, and `streamed()`, behind which all threads see what was stored so."""
    vector_b, which = lanes * (8 if dtype == "float64" else 4), "d" if dtype == "float64" else "s"
    width = {16: "", 32: "256", 64: "512"}.get(vector_b)
    return _STREAM.format(known=int(width is not None), which=f"{which}{width}", real=TYPES[dtype])


def _body(kernel: Kernel, program: Program, permuted: Mapping[Hop, Sequence[int]], streams: Collection[str] = ()) -> list[str]:
    lines: list[str] = []
    for step in steps(program):
        if step.frame is not None:
            lines += _moves(kernel, program, step, permuted)
        elif named(program.ops[step.lines[0]]):
            lines.append(line(program, step.lines[0]))
    for field in kernel.fields:
        if field.access != "in":
            store = "stream(&{}, {});" if field.name in streams else "{} = {};"
            written = enumerate(program.outputs[field.name])
            lines += [store.format(f"{field.name}{OWN}[{c}]", kept(field, program, number)) for c, number in written]
    lines += [
        f"total[(s * {len(kernel.sums)} + {k})] += wide({stored(program, program.outputs[name][0])});"
        for k, name in enumerate(kernel.sums)
    ]
    return lines


def stored(program: Program, number: int) -> str:
    """Write a value that must be a vector."""
    return operand(program, number) if named(program.ops[number]) else f"V{{}} + {operand(program, number)}"


def kept(field: Field, program: Program, number: int) -> str:
    """Write a value as a field keeps it."""
    value = stored(program, number)
    return value if field.storage == "real" else f"narrowed({value})"


def declared(field: Field) -> str:
    """Write the type of a field's numbers."""
    return "const " * (field.access == "in") + ("T" if field.storage == "real" else "short")


def _moves(kernel: Kernel, program: Program, step: Step, permuted: Mapping[Hop, Sequence[int]]) -> list[str]:
    assert step.frame is not None
    lanes = permuted[kernel.hops[step.frame - 1]]
    ours = [f"t{number} = {operand(program, program.ops[number].args[0])}" for number in step.lines]
    if list(lanes) == list(range(len(lanes))):
        return [f"const V {', '.join(ours)};"]
    order = ", ".join(map(str, lanes))
    changed = " ".join(f"t{number} = PERMUTED(t{number}, {order});" for number in step.lines)
    return [f"V {', '.join(ours)};", f"if (__builtin_expect(row[{step.frame}] & 1, 0)) {{ {changed} }}"]


def _totals(kernel: Kernel) -> str:
    if not kernel.sums:
        return ""
    return (
        "#ifdef _OPENMP\n    const long thread = omp_get_thread_num();\n#else\n    const long thread = 0;\n#endif\n"
        f"    D *const total = (D *)sums + thread * sources * {len(kernel.sums)};\n"
    )
