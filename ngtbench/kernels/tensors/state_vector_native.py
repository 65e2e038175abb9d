"""A state vector in C++: a block of amplitudes comes into a cache, real and imaginary parts apart, and goes through many gates.

One kernel serves all circuits: what a pass does is data. Gates on two bits are done together, so that a block is walked through
half as often; those on bits within a register by a permutation of its lanes; all signs of a layer of CZ at once.
"""

from collections.abc import Sequence

import numpy as np

from ngtbench.codegen import compiler, native, pages, raw
from ngtbench.errors import Unavailable
from ngtbench.kernels.tensors.state_vector_plan import Pass, passes
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics.tensors import ansatz

BLOCK_BITS = 14  # 256 KB in complex128, where 10 to 15 bits were within a tenth
LOW_BITS = 4  # amplitudes beside each other in memory that a block takes at least: whole lines of a cache
_NUMBERS = 8  # of a matrix
_LANE, _ONE, _TWO, _SIGNS = range(4)  # kinds of operations
_BODY = """\
  T *const re = scratch + (worker * 2 << (low + high)), *const im = re + ((U)1 << (low + high));
  const U side = (U)1 << (low + high), gap = shift - low;
  each(b, (U)1 << (qubits - low - high)) {
    const U base = ((b & (((U)1 << gap) - 1)) << low) | (b >> gap << (shift + high));
    for (U h = 0; h < (U)1 << high; ++h) {
      const T *const from = state + 2 * (base + (h << shift));
      for (U l = 0; l < (U)1 << low; l += W) {
        V *const r = (V *)(re + (h << low) + l), *const i = (V *)(im + (h << low) + l);
        if (fresh) { *r = V{}; *i = V{}; } else parted(from + 2 * l, r, i);
      }
    }
    if (fresh && !b) re[0] = 1;
    for (const U *op = ops; op < ops + 5 * count; op += 5) {
      if (op[0] == 0) lanes_gate(re, im, side, op[1], m + 8 * op[2]);
      else if (op[0] == 1) one_gate((V *)re, (V *)im, side / W, ((U)1 << op[1]) / W, m + 8 * op[2]);
      else if (op[0] == 2) two_gates((V *)re, (V *)im, side / W, ((U)1 << op[1]) / W, ((U)1 << op[3]) / W, m + 8 * op[2], m + 8 * op[4]);
      else signs(re, im, low, high, shift, base, op[1]);
    }
    for (U h = 0; h < (U)1 << high; ++h) {
      T *const to = state + 2 * (base + (h << shift));
      for (U l = 0; l < (U)1 << low; l += W) joined(to + 2 * l, *(V *)(re + (h << low) + l), *(V *)(im + (h << low) + l));
    }
  }"""  # noqa: E501 - C++
_GATES = """\
#ifdef __clang__
#define shuffled(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define shuffled(a, b, ...) __builtin_shuffle(a, b, decltype(V{} < V{}){__VA_ARGS__})
#endif
#define mixed(ar, ai, br, bi, u) { \\
  const V xr = u[0] * ar - u[1] * ai + u[2] * br - u[3] * bi, xi = u[0] * ai + u[1] * ar + u[2] * bi + u[3] * br; \\
  const V yr = u[4] * ar - u[5] * ai + u[6] * br - u[7] * bi, yi = u[4] * ai + u[5] * ar + u[6] * bi + u[7] * br; \\
  ar = xr; ai = xi; br = yr; bi = yi; }
inline_body void one_gate(V *re, V *im, U side, U s, const T *m)
{
  V u[8];
  for (int k = 0; k < 8; ++k) u[k] = V{} + m[k];
  for (U g = 0; g < side; g += 2 * s)
    for (U i = g; i < g + s; ++i) {
      V ar = re[i], ai = im[i], br = re[i + s], bi = im[i + s];
      mixed(ar, ai, br, bi, u);
      re[i] = ar; im[i] = ai; re[i + s] = br; im[i + s] = bi;
    }
}
inline_body void two_gates(V *re, V *im, U side, U s, U t, const T *m, const T *n)
{
  V u[8], v[8];
  for (int k = 0; k < 8; ++k) { u[k] = V{} + m[k]; v[k] = V{} + n[k]; }
  for (U g = 0; g < side; g += 2 * t)
    for (U h = g; h < g + t; h += 2 * s)
      for (U i = h; i < h + s; ++i) {
        V ar = re[i], ai = im[i], br = re[i + s], bi = im[i + s];
        V cr = re[i + t], ci = im[i + t], dr = re[i + s + t], di = im[i + s + t];
        mixed(ar, ai, br, bi, u);
        mixed(cr, ci, dr, di, u);
        mixed(ar, ai, cr, ci, v);
        mixed(br, bi, dr, di, v);
        re[i] = ar; im[i] = ai; re[i + s] = br; im[i + s] = bi;
        re[i + t] = cr; im[i + t] = ci; re[i + s + t] = dr; im[i + s + t] = di;
      }
}
inline_body void signs(T *re, T *im, U low, U high, U shift, U base, U mask)
{
  V pattern[4];
  for (U x = 0; x < 2 * W; ++x) {
    const T sign = __builtin_parityll(x & (x >> 1) & mask) ? -1 : 1;
    pattern[x / W][x % W] = sign;
    pattern[2 + x / W][x % W] = -sign;
  }
  for (U h = 0; h < (U)1 << high; ++h)
    for (U l = 0; l < (U)1 << low; l += W) {
      const U at = base + (h << shift) + l;
      const V sign = pattern[(at / W & 1) + 2 * __builtin_parityll((at & (at >> 1) & mask) / W)];
      *(V *)(re + (h << low) + l) *= sign;
      *(V *)(im + (h << low) + l) *= sign;
    }
}
inline_body void lanes_gate(T *re, T *im, U side, U bit, const T *m)
{
  V u[4];
  for (int k = 0; k < 4; ++k)
    for (int l = 0; l < W; ++l) u[k][l] = m[l >> bit & 1 ? 6 - 2 * (k / 2) + k % 2 : k / 2 * 2 + k % 2];
"""
_PARAMETERS = (
    ("T *", "state"),
    ("T *", "scratch"),
    ("const U *", "ops"),
    ("const T *", "m"),
    ("U", "count"),
    ("U", "qubits"),
    ("U", "low"),
    ("U", "high"),
    ("U", "shift"),
    ("U", "fresh"),
)


def compiled(setup: Setup, angles: Array) -> Run:
    """Plan the passes and compile; matrices are made anew at each call.

    Raises Unavailable where there is no compiler, or a processor without vectors.
    """
    host, size = compiler.find(), setup.size
    lanes = native.lanes(host, setup.dtype)
    if lanes < 2:
        raise Unavailable(f"{host.description}: a state vector needs registers of several numbers", "take numpy or torch")
    simulate = Simulation(size.qubits, [(q, matrix is not None) for q, matrix in ansatz.gates(size, angles)], setup, lanes)

    def run() -> Arrays:
        return {"state": simulate(ansatz.rotations(angles))}

    return run


class Simulation:
    """A circuit from |0..0>, ready to be run with other matrices; the state is overwritten by each run."""

    def __init__(self, qubits: int, circuit: Sequence[tuple[int, bool]], setup: Setup, lanes: int) -> None:
        host, real = compiler.find(), np.dtype(setup.dtype)
        low = max(LOW_BITS, lanes.bit_length() - 1)
        if qubits < low:
            raise Unavailable(f"{qubits} qubits: fewer than {low} do not fill a register", "take numpy or torch")
        todo = passes(circuit, qubits, low, BLOCK_BITS)
        made = raw.built(text(lanes), setup.dtype, lanes, host)
        setup.compiled(made.took_s)
        setup.say(f"{host.description}, {setup.threads} threads, {len(todo)} passes of blocks of 2^{BLOCK_BITS}")
        self._state = pages.empty(2 << qubits, real)
        scratch = pages.empty((setup.threads, 2 << min(BLOCK_BITS, qubits)), real)
        self._matrices = np.zeros((len(circuit), _NUMBERS), real)
        self._single = np.flatnonzero([single for _, single in circuit])
        self._calls = []
        for k, one in enumerate(todo):
            ops = operations(one, lanes)
            given = (len(ops), qubits, one.low, one.high, one.shift, int(k == 0))
            self._calls.append(raw.called(made, text(lanes), setup.threads, self._state, scratch, ops, self._matrices, *given))
        self._result = self._state.view(np.result_type(real, np.complex64))

    def __call__(self, matrices: Array) -> Array:
        """Return the state after the circuit with these matrices, (..., 2, 2), one after the other; CZs have none."""
        self._matrices[self._single] = np.ascontiguousarray(matrices, np.complex128).reshape(-1, 4).view(np.float64)
        for call in self._calls:
            call()
        return self._result


def operations(one: Pass, lanes: int, join: bool = True) -> Array:
    """Return rows of kind, bit or mask, matrix, and bit and matrix of a second gate, where two are joined."""
    inside = lanes.bit_length() - 1
    rows: list[list[int]] = []
    for bit, place in one.gates:
        last = rows[-1] if rows else [_SIGNS]
        if bit < 0:
            rows.append([_SIGNS, place, 0, 0, 0])
        elif bit < inside:
            rows.append([_LANE, bit, place, 0, 0])
        elif join and last[0] == _ONE and last[1] < bit:
            rows[-1] = [_TWO, *last[1:3], bit, place]
        else:
            rows.append([_ONE, bit, place, 0, 0])
    return np.array(rows, np.uint64)


def text(lanes: int) -> raw.Text:
    """Return the kernel of a pass."""
    return raw.Text("state_vector", _PARAMETERS, _BODY, functions(lanes))


def functions(lanes: int) -> str:
    """Return gates, signs, and the ways between numbers and their parts."""
    gate = (
        "{ const V a = *r, b = *i, c = swapped(a), d = swapped(b);\n"
        "      *r = u[0] * a - u[1] * b + u[2] * c - u[3] * d;\n      *i = u[0] * b + u[1] * a + u[2] * d + u[3] * c; }"
    )
    loop = f"for (V *r = (V *)re, *i = (V *)im; r < (V *)re + side / W; ++r, ++i) {gate}"
    pairs = [k // 2 + k % 2 * lanes for k in range(2 * lanes)]
    moves = f"""
inline_body void parted(const T *p, V *r, V *i)
{{
  const V a = ((const V *)p)[0], b = ((const V *)p)[1];
  *r = {shuffled("a", "b", [2 * k for k in range(lanes)])};
  *i = {shuffled("a", "b", [2 * k + 1 for k in range(lanes)])};
}}
inline_body void joined(T *p, V r, V i)
{{
  ((V *)p)[0] = {shuffled("r", "i", pairs[:lanes])};
  ((V *)p)[1] = {shuffled("r", "i", pairs[lanes:])};
}}"""
    return f"{_GATES}{by_lane_bit(lanes, loop)}\n}}{moves}"


def by_lane_bit(lanes: int, text: str) -> str:
    """Return a statement for each `bit` within a register, in which `swapped(v)` exchanges lanes that differ in it."""
    found = []
    for bit in range(lanes.bit_length() - 1):
        exchanged = shuffled("v", "v", [k ^ 1 << bit for k in range(lanes)])
        found.append(f"#define swapped(v) {exchanged}\n  if (bit == {bit})\n    {text}\n#undef swapped")
    return "\n".join(found)


def shuffled(a: str, b: str, order: Sequence[int]) -> str:
    """Return the register of these lanes of two, one behind the other."""
    return f"shuffled({a}, {b}, {', '.join(map(str, order))})"
