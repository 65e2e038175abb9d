"""The memory test's loops, for processors and GPUs: fill lines, follow their cycle, read them back."""

from ngtbench.codegen.raw import Text

LINE_WORDS = 8
SUM = (1 << 62) - 1  # sums are kept modulo 2^62
_LINES = (("U *", "words"), ("U", "lines"))
_CONSTANTS = tuple(("U", name) for name in ("a", "c", "factor", "inverse", "shift"))
_NEXT = """\
    const U mask = lines - 1;
    U t = ((line ^ (line >> shift)) * inverse) & mask;
    t = (a * (t ^ (t >> shift)) + c) & mask;
    t = ((t ^ (t >> shift)) * factor) & mask;
    const U next = t ^ (t >> shift);
"""

FILL = Text(
    "memory_fill",
    (*_LINES, *_CONSTANTS),
    f"  each(line, lines) {{\n{_NEXT}    for (U w = 0; w < 8; ++w) words[8 * line + w] = next + w * lines;\n  }}",
)
FOLLOW = Text(
    "memory_follow",
    (*_LINES, ("U", "start"), ("U", "steps"), ("U *", "end")),
    """\
  if (worker == 0) {
    U line = start;
    for (U k = 0; k < steps; ++k) line = words[8 * line];
    *end = line;
  }""",
)
READ = Text(
    "memory_read",
    (*_LINES, *_CONSTANTS, ("U *", "found")),
    f"""\
  U right = 0, sum = 0;
  each(line, lines) {{
{_NEXT}    for (U w = 0; w < 8; ++w) {{
      right += words[8 * line + w] == next + w * lines;
      sum += words[8 * line + w];
    }}
  }}
  add(found, right);
  add(found + 1, sum);""",
)
