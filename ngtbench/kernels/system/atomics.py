"""Atomic additions, for processors and GPUs: all to one counter, each thread to counters of its own, scattered over a table."""

from dataclasses import dataclass
from typing import Any

from ngtbench.codegen.raw import Text

LINE_WORDS = 8  # between counters that threads have to themselves
_COUNTERS = (("U *", "counters"), ("U", "slots"))
_ADDS = (*_COUNTERS, ("U", "adds"), ("U", "step"), ("U", "key"), ("U", "odd"), ("U", "shift"))

CLEAR = Text("atomics_clear", (*_COUNTERS, ("U", "apart")), "  each(s, slots) counters[s * apart] = 0;")
ADD = {
    "one": Text("atomics_one", _ADDS, "  each(i, adds) add(counters, step);"),
    "own": Text(
        "atomics_own",
        _ADDS,
        f"  each(s, slots) for (U k = 0; k < adds / slots; ++k) add(counters + {LINE_WORDS} * s, step);",
    ),
    "table": Text(
        "atomics_table",
        _ADDS,
        """\
  each(i, adds) {
    U z = i * odd + key;
    z = (z ^ (z >> 32)) * odd;
    add(counters + (z >> shift), step);
  }""",
    ),
}


@dataclass(frozen=True)
class Plan:
    """What is run for a size."""

    text: Text
    apart: int  # words from counter to counter
    words: int
    given: tuple[int, ...]  # the text's parameters behind `counters`


def plan(size: Any, step: int, key: int, odd: int) -> Plan:
    """Return how a size is run."""
    apart = LINE_WORDS if size.pattern == "own" else 1
    given = (size.slots, size.adds, step, key, odd, 64 - (size.slots.bit_length() - 1) if size.slots > 1 else 0)
    return Plan(ADD[size.pattern], apart, size.slots * apart, given)
