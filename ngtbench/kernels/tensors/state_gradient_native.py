"""The adjoint gradient of a circuit's energy in C++: ket and bra go back together, block by block, as `state_vector_native` goes.

A gate's derivative is a sum over blocks, taken when the gate is undone there: gates that need not wait for it do not change it.
"""

from collections.abc import Callable

import numpy as np

from ngtbench.codegen import compiler, native, pages, raw
from ngtbench.errors import Unavailable
from ngtbench.kernels.tensors import state_vector_native as there
from ngtbench.kernels.tensors.state_vector_plan import passes
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics.tensors import ansatz

BLOCK_BITS = 13  # of two states: 256 KB in complex128
_PAULIS = 3
_CHUNK = 1 << 14  # amplitudes of which products are summed in single precision
_HEAD = """\
  const U side = (U)1 << (low + high), gap = shift - low;
  T *const re = scratch + worker * 4 * side, *const im = re + side, *const lr = im + side, *const li = lr + side;
  each(b, (U)1 << (qubits - low - high)) {
    const U base = ((b & (((U)1 << gap) - 1)) << low) | (b >> gap << (shift + high));
    for (U h = 0; h < (U)1 << high; ++h)
      for (U l = 0; l < (U)1 << low; l += W) {
        const U from = 2 * (base + (h << shift) + l), to = (h << low) + l;
        parted(ket + from, (V *)(re + to), (V *)(im + to));
        parted(bra + from, (V *)(lr + to), (V *)(li + to));
      }
"""
_TAIL = """\
    for (U h = 0; h < (U)1 << high; ++h)
      for (U l = 0; l < (U)1 << low; l += W) {
        const U to = 2 * (base + (h << shift) + l), from = (h << low) + l;
        joined(ket + to, *(V *)(re + from), *(V *)(im + from));
        joined(bra + to, *(V *)(lr + from), *(V *)(li + from));
      }
  }"""
_BACK = f"""\
{_HEAD}
    for (const U *op = ops; op < ops + 5 * count; op += 5) {{
      double *const sum = sums + {_PAULIS} * (worker * gates + op[2]);
      if (op[0] == 0) {{
        lanes_slopes(re, im, lr, li, side, op[1], sum);
        lanes_gate(re, im, side, op[1], m + 8 * op[2]);
        lanes_gate(lr, li, side, op[1], m + 8 * op[2]);
      }}
      else if (op[0] == 1) slopes((V *)re, (V *)im, (V *)lr, (V *)li, side / W, ((U)1 << op[1]) / W, m + 8 * op[2], sum);
      else {{
        signs(re, im, low, high, shift, base, op[1]);
        signs(lr, li, low, high, shift, base, op[1]);
      }}
    }}
{_TAIL}"""
_ENERGY = f"""\
{_HEAD}
    if (fresh) bonds(re, im, lr, li, low, high, shift, base, qubits);
    for (const U *op = ops; op < ops + count; ++op)
      if ((U)1 << *op < W) lanes_field(re, im, lr, li, side, *op);
      else
        for (U i = 0; i < side; i += W) {{
          *(V *)(lr + i) -= *(V *)(re + (i ^ ((U)1 << *op)));
          *(V *)(li + i) -= *(V *)(im + (i ^ ((U)1 << *op)));
        }}
{_TAIL}"""
_SLOPES = """
inline_body void slopes(V *re, V *im, V *lr, V *li, U side, U s, const T *m, double *sum)
{
  V u[8], x{}, y{}, z{};
  for (int k = 0; k < 8; ++k) u[k] = V{} + m[k];
  for (U g = 0; g < side; g += 2 * s)
    for (U i = g; i < g + s; ++i) {
      V ar = re[i], ai = im[i], br = re[i + s], bi = im[i + s], cr = lr[i], ci = li[i], dr = lr[i + s], di = li[i + s];
      x += cr * bi - ci * br + dr * ai - di * ar;
      y += dr * ar + di * ai - cr * br - ci * bi;
      z += cr * ai - ci * ar - dr * bi + di * br;
      mixed(ar, ai, br, bi, u);
      mixed(cr, ci, dr, di, u);
      re[i] = ar; im[i] = ai; re[i + s] = br; im[i + s] = bi;
      lr[i] = cr; li[i] = ci; lr[i + s] = dr; li[i + s] = di;
    }
  sum[0] += total(x); sum[1] += total(y); sum[2] += total(z);
}
inline_body void bonds(const T *re, const T *im, T *lr, T *li, U low, U high, U shift, U base, U qubits)
{
  const U mask = ((U)1 << (qubits - 1)) - 1;
  V pattern[2];
  for (U x = 0; x < 2 * W; ++x) pattern[x / W][x % W] = 2 * __builtin_popcountll((x ^ (x >> 1)) & mask & (W - 1));
  for (U h = 0; h < (U)1 << high; ++h)
    for (U l = 0; l < (U)1 << low; l += W) {
      const U at = base + (h << shift) + l, to = (h << low) + l;
      const V e = pattern[at / W & 1] + (T)(2 * __builtin_popcountll(((at ^ (at >> 1)) & mask) / W) - (T)(qubits - 1));
      *(V *)(lr + to) = e * *(const V *)(re + to);
      *(V *)(li + to) = e * *(const V *)(im + to);
    }
}
inline_body void lanes_slopes(T *re, T *im, T *lr, T *li, U side, U bit, double *sum)
{
  V x{}, y{}, z{}, s;
  for (int l = 0; l < W; ++l) s[l] = l >> bit & 1 ? -1 : 1;
"""
_LANE_SLOPES = """\
for (U i = 0; i < side; i += W) {
      const V a = *(V *)(re + i), b = *(V *)(im + i), c = swapped(a), d = swapped(b), p = *(V *)(lr + i), q = *(V *)(li + i);
      x += p * d - q * c; y -= s * (p * c + q * d); z += s * (p * b - q * a); }"""
_LANE_FIELD = """\
for (U i = 0; i < side; i += W) {
      const V a = *(V *)(re + i), b = *(V *)(im + i);
      *(V *)(lr + i) -= swapped(a); *(V *)(li + i) -= swapped(b); }"""
_SHAPE = (("U", "count"), ("U", "qubits"), ("U", "low"), ("U", "high"), ("U", "shift"))
_STATES = (("T *", "ket"), ("T *", "bra"), ("T *", "scratch"), ("const U *", "ops"))


def adjoint(setup: Setup, angles: Array) -> Run:
    """Plan the passes there and back, and compile.

    Raises Unavailable where there is no compiler, or a processor without vectors.
    """
    size, matrices = setup.size, ansatz.rotations
    there_and_back = _Adjoint(setup, there.compiled(setup, angles))

    def run() -> Arrays:
        energy, sums = there_and_back(matrices(angles))
        turn = np.asarray(angles[..., 1], np.float64)
        x, y, z = np.moveaxis(sums.reshape(size.layers, size.qubits, _PAULIS), -1, 0)
        slopes = np.stack((np.cos(turn) * y - np.sin(turn) * x, z), -1)
        return {"energy": np.array([energy], angles.dtype), "gradient": slopes.astype(angles.dtype)}

    return run


class _Adjoint:
    """The energy operator times the state, and both back through the circuit."""

    def __init__(self, setup: Setup, forward: Run) -> None:
        size, host, real = setup.size, compiler.find(), np.dtype(setup.dtype)
        lanes = native.lanes(host, setup.dtype)
        low = max(there.LOW_BITS, lanes.bit_length() - 1)
        if size.qubits <= low:
            raise Unavailable(f"{size.qubits} qubits: {low} or fewer are one block's lowest", "take numpy or torch")
        self._forward, self.ket = forward, forward()["state"]
        self.bra = pages.empty(2 << size.qubits, real)
        circuit = [(q, matrix is not None) for q, matrix in ansatz.gates(size, np.zeros((size.layers, size.qubits, 2)))][::-1]
        self._single = np.flatnonzero([single for _, single in circuit])[::-1]  # in the order of the circuit
        self._matrices = np.zeros((len(circuit), 8), real)
        self._sums = np.zeros((setup.threads, len(circuit), _PAULIS))
        states = (self.ket.view(real), self.bra, pages.empty((setup.threads, 4 << min(BLOCK_BITS, size.qubits)), real))
        energy, back = texts(lanes)
        made = {one.name: raw.built(one, setup.dtype, lanes, host) for one in (energy, back)}
        setup.compiled(sum(one.took_s for one in made.values()))
        self._fields, self._calls = list[Callable[[], None]](), list[Callable[[], None]]()
        high = min(BLOCK_BITS, size.qubits) - low
        for k, first in enumerate(range(low, size.qubits, high)):
            shift = min(first, size.qubits - high)
            bits = [*(range(low) if k == 0 else ()), *(low + bit - shift for bit in range(first, min(first + high, size.qubits)))]
            given = (np.array(bits, np.uint64), len(bits), size.qubits, low, high, shift, int(k == 0))
            self._fields.append(raw.called(made[energy.name], energy, setup.threads, *states, *given))
        for one in passes(circuit, size.qubits, low, BLOCK_BITS):
            ops = there.operations(one, lanes, join=False)
            more = (len(ops), size.qubits, one.low, one.high, one.shift, len(circuit), self._matrices, self._sums)
            self._calls.append(raw.called(made[back.name], back, setup.threads, *states, ops, *more))

    def __call__(self, matrices: Array) -> tuple[float, Array]:
        """Return the energy, and of each one-qubit gate Im <bra| X, Y, Z |ket> after it."""
        self._forward()
        for call in self._fields:
            call()
        kind = self.ket.dtype
        both = (self.ket.reshape(-1, min(_CHUNK, self.ket.size)), self.bra.view(kind).reshape(-1, min(_CHUNK, self.ket.size)))
        energy = sum(float(np.vdot(a, b).real) for a, b in zip(*both, strict=True))
        self._matrices[self._single] = matrices.conj().swapaxes(-1, -2).reshape(-1, 4).view(np.float64)
        self._sums[:] = 0
        for call in self._calls:
            call()
        return energy, self._sums.sum(axis=0)[self._single]


def texts(lanes: int) -> tuple[raw.Text, raw.Text]:
    """Return the kernels of the energy operator and of a pass back."""
    sums = "  sum[0] += total(x); sum[1] += total(y); sum[2] += total(z);"
    slopes = f"{_SLOPES}{there.by_lane_bit(lanes, _LANE_SLOPES)}\n{sums}\n}}"
    field = f"""
inline_body void lanes_field(const T *re, const T *im, T *lr, T *li, U side, U bit)
{{
{there.by_lane_bit(lanes, _LANE_FIELD.replace("(V *)(re", "(const V *)(re").replace("(V *)(im", "(const V *)(im"))}
}}"""
    functions = f"{there.functions(lanes)}{slopes}{field}"
    back = (*_STATES, *_SHAPE, ("U", "gates"), ("const T *", "m"), ("double *", "sums"))
    return (
        raw.Text("state_energy", (*_STATES, *_SHAPE, ("U", "fresh")), _ENERGY, functions),
        raw.Text("state_gradient", back, _BACK, functions),
    )
