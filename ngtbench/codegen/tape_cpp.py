"""Write the blocks of a tape as C++ and the loop that reads a tape, for tiles of as many events as a register holds."""

import textwrap
from collections.abc import Sequence

from ngtbench.codegen import cpp
from ngtbench.codegen.program import Program
from ngtbench.codegen.schedule import steps
from ngtbench.codegen.tape import Kind, finish_program, term_program

_LOOP = """\
template <int size> static void turned(V *const a, const long columns)
{{
  for (long k = 0; k < columns; ++k) {{
    V x[size];
    for (int g = 0; g < size; ++g) x[g] = a[g * {width} + k];
#pragma GCC unroll 8
    for (int half = 1; half < size; half *= 2)
#pragma GCC unroll 8
      for (int g = 0; g < size; ++g)
        if (!(g & half)) {{
          const V sum = x[g] + x[g + half], difference = x[g] - x[g + half];
          x[g] = sum;
          x[g + half] = difference;
        }}
    for (int g = 0; g < size; ++g) a[g * {width} + k] = x[g];
  }}
}}

template <int C> static F summed(const F *const f, const int n, const int *const p, const E *c)
{{
  F total = {{}};
  for (int i = 0; i < n; i += 2) {{
    F s[C] = {{}}, t[C] = {{}};
    for (int j = 0; j < i; ++j, c += 2) {{
      const F *const b = f + p[j] * {width};
      for (int k = 0; k < C; ++k) {{
        s[k] += c[0] * b[k];
        t[k] += c[1] * b[k];
      }}
    }}
    const F *const b = f + p[i] * {width}, *const d = f + p[i + 1] * {width};
    for (int k = 0; k < C; ++k) total += b[k] * (s[k] + c[0] * b[k]) + d[k] * (t[k] + c[1] * b[k] + c[2] * d[k]);
    c += 3;
  }}
  return total;
}}

static V contracted(V *const a, const int *p, const E *c, const long columns)
{{
  V *row = a;
  for (int runs = *p++; runs > 0; --runs, p += 2)
    for (int i = 0; i < p[1]; ++i, row += p[0] * {width})
      switch (p[0]) {{
      case 2: turned<2>(row, columns); break;
      case 4: turned<4>(row, columns); break;
      case 8: turned<8>(row, columns); break;
      }}
{narrowed}
  F total = {{}};
  for (int blocks = *p++; blocks > 0; --blocks) {{
    const int n = *p++;
    for (long k = 0; k < columns;) {{
      const long left = columns - k;
{widths}
      else total += summed<1>(f + k, n, p, c), k += 1;
    }}
    p += n;
    c += n * (n + 1) / 2;
  }}
  return {widened};
}}

extern "C" void {name}(const long blocks, const long threads, const long size, const long inputs, const long amplitudes,
    const int *const tape, const double *const scalars, const int *const rows, const E *const colour, const T *const in,
    T *const out, T *const memory)
{{
#pragma omp parallel num_threads(threads)
  {{
#ifdef _OPENMP
    V *const m = (V *)memory + size * omp_get_thread_num();
#else
    V *const m = (V *)memory;
#endif
#pragma omp for schedule(static)
    for (long b = 0; b < blocks; ++b) {{
      for (long k = 0; k < inputs; ++k) m[k] = ((const V *)in)[b * inputs + k];
      V total = {{}};
      for (const int *p = tape; *p != -2;) {{
        const int kind = p[0], count = p[1];
        p += 2;
        switch (kind) {{
{cases}
        default: total += contracted(m + amplitudes, rows, colour, count);
        }}
      }}
      ((V *)out)[b] = total;
    }}
  }}
}}
"""

_SAME = "typedef T E;\ntypedef V F;\n"
_MIXED = "typedef float E;\ntypedef E F{vector};\n"
_VECTOR = " __attribute__((vector_size(W * sizeof(E))))"
_NARROWED = """\
  const long count = row - a + {width};  // with the row that is 0
  F f[count];
  for (long k = 0; k < count; ++k) f[k] = {value};"""


def source(
    name: str, kinds: Sequence[Kind], scalars: tuple[str, ...], dtype: str, lanes: int, width: int, mixed: bool = False
) -> str:
    """Return the text of `extern "C" void NAME`.

    Its arguments are blocks, threads, size, inputs, amplitudes, tape, scalars, rows, colour, in, out and memory. `in` and `out`
    are [block][number][lane], `memory` is [thread][size][lane], `tape` as `Tape.encoded` has it, `rows` and `colour` as
    `contract.packed` has them; `mixed` contracts in single precision.
    """
    vector = lanes > 1
    lines = [cpp.prologue(dtype, lanes)]
    lines.append(_MIXED.format(vector=_VECTOR * vector) if mixed else _SAME)
    lines += [_function(kind, scalars, "static __attribute__((noinline))") for kind in kinds]
    given = ", scalars" if scalars else ""
    cases = "".join(
        f"        case {k}: for (int i = 0; i < count; ++i) p = {kind.name}(p, m{given}); break;\n"
        for k, kind in enumerate(kinds)
    )
    most = _columns(lanes, dtype)
    widths = "\n".join(
        f"      {'else ' * (k > 0)}if (left >= {c}) total += summed<{c}>(f + k, n, p, c), k += {c};"
        for k, c in enumerate(c for c in (8, 4, 2) if c <= most)
    )
    words = {"narrowed": "  const V *const f = a;", "widened": "total"}
    if mixed:
        value, total = (
            ("__builtin_convertvector(a[k], F)", "__builtin_convertvector(total, V)") if vector else ("E(a[k])", "total")
        )
        words = {"narrowed": _NARROWED.format(width=width, value=value), "widened": total}
    lines.append(_LOOP.format(name=name, width=width, cases=cases.rstrip("\n"), widths=widths, **words))
    return "\n".join(lines)


def block(kind: Kind, scalars: tuple[str, ...], dtype: str, lanes: int) -> str:
    """Return the text of one kind alone, as `source` has it: `extern "C" const int *KIND(record, memory, scalars)`."""
    return cpp.prologue(dtype, lanes) + "\n" + _function(kind, scalars, 'extern "C"')


def _columns(lanes: int, dtype: str) -> int:
    """Return how many columns are summed at once: two rows of sums must fit the registers beside what they are made of."""
    wide = lanes * (8 if dtype == "float64" else 4) == 64  # 32 registers, else most often 16
    return 8 if wide else 4


def _function(kind: Kind, scalars: tuple[str, ...], linkage: str) -> str:
    """Write one kind: `const int *KIND(record, memory)` returns the next record."""
    lines = [f"const T {name} = T(scalars[{k}]);" for k, name in enumerate(scalars)]
    lines += [f"const V *const x{k}_0 = m + p[{1 + k}];" for k in range(len(kind.extras))]
    lines += [f"V s{k} = {{}};" for k in range(kind.sums)]
    lines.append(f"const int *q = p + {kind.head};")
    for k, term in enumerate(kind.terms):
        count = len(term.lengths)
        names = [chr(ord("a") + j) for j in range(count)]
        body = [f"const V *const {name}0 = m + q[{j}];" for j, name in enumerate(names)]
        program = term_program(kind, term, scalars)
        body += written(program)
        body += [f"const V n{j} = {cpp.stored(program, line)};" for j, line in enumerate(program.outputs["out"])]
        body += [f"s{j} = n{j};" for j in range(kind.sums)]
        lines.append(f"for (int i = p[{1 + len(kind.extras) + k}]; i > 0; --i, q += {count}) {{")
        lines += ["  " + line for line in body]
        lines.append("}")
    program = finish_program(kind, scalars)
    lines += written(program)
    lines.append("V *const out = m + p[0];")
    lines += [f"out[{j}] = {cpp.stored(program, line)};" for j, line in enumerate(program.outputs["out"])]
    lines.append("return q;")
    given = ", const double *const scalars" if scalars else ""
    head = f"{linkage} const int *{kind.name}(const int *const p, V *const m{given})\n{{\n"
    return head + textwrap.indent("\n".join(lines), "  ") + "\n}\n"


def written(program: Program) -> list[str]:
    """Write the lines of a block."""
    numbers = [number for step in steps(program) for number in step.lines]
    return [cpp.line(program, number) for number in numbers if cpp.named(program.ops[number])]
