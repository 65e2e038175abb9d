"""Chains of fused multiply-adds in registers: one text for processors and GPUs."""

from ngtbench.codegen.raw import Text

GPU_CHAINS = 8  # per thread: with a few warps per scheduler more than any latency


def chains(registers: int) -> int:
    """Return how many chains a thread runs side by side: more than latency times units, and few enough for the registers."""
    return 16 if registers >= 32 else 12


def text(count: int) -> Text:
    """Return the loop for so many chains: vector k of group g starts from x[outer g + inner k] and ends in y."""
    numbers = range(count)
    body = [
        "each(g, groups) {",
        *(f"  V v{k} = ((const V *)x)[outer * g + inner * {k}];" for k in numbers),
        "  for (U r = 0; r < rounds; ++r) {",
        *(f"    v{k} = v{k} * a + b;" for k in numbers),
        "  }",
        *(f"  ((V *)y)[outer * g + inner * {k}] = v{k};" for k in numbers),
        "}",
    ]
    counts = (("U", "groups"), ("U", "outer"), ("U", "inner"), ("U", "rounds"))
    parameters = (*counts, ("T", "a"), ("T", "b"), ("const T *", "x"), ("T *", "y"))
    return Text(f"fma_{count}", parameters, "\n".join(body))
