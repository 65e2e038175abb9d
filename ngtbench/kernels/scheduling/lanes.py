"""The chain of an algorithm as a device runs it: cut into lanes, each of which jumps to its start and walks from there.

One text for processors and GPUs. A lane's end is compared with the next lane's start, which it jumped to on its own; where they
differ the result is spoilt. So the last lane's end is that of the whole chain only if every step between was taken.
"""

from ngtbench.codegen.raw import Text
from ngtbench.physics.scheduling.values import FACTOR, TERM

HOST_LANES = 8  # walked at once by a thread of a processor, whose multiplier takes one each cycle, but four cycles for each

CHAIN = Text(
    "chain_in_lanes",
    # starts, ends and spoilt of `tasks` chains of as many `steps`; W divides `lanes`, a spoilt one is no longer 0
    (("U", "tasks"), ("U", "lanes"), ("U", "steps"), ("const U *", "starts"), ("U *", "ends"), ("U *", "spoilt")),
    f"""\
const U share = steps / lanes, groups = lanes / W;
each(i, tasks * groups) {{
  const U task = i / groups;
  const VU first = i % groups * W + lane();
  VU s = jumped(starts[task], first * share, steps);
  const VU there = jumped(starts[task], (first + 1) * share, steps);
  for (U k = 0; k < share; ++k) s = s * {FACTOR}ull + {TERM}ull;
  const VU wrong = s ^ there;
  for (U k = 0; k < W; ++k)
    if (((const U *)&wrong)[k]) spoilt[task] = 1;
  if (i % groups == groups - 1) {{
    U end = ((const U *)&s)[W - 1];
    for (U k = steps % lanes; k > 0; --k) end = end * {FACTOR}ull + {TERM}ull;
    ends[task] = end;
  }}
}}""",
    f"""\
inline_body VU jumped(U s, VU far, U most)
{{
  VU a = far * 0 + 1, b = far * 0;
  for (U f = {FACTOR}ull, t = {TERM}ull; most; most >>= 1, far >>= 1, t *= f + 1, f *= f) {{
    const VU by = (far & 1) * (f - 1) + 1;
    a *= by;
    b = b * by + (far & 1) * t;
  }}
  return a * s + b;
}}""",
)
