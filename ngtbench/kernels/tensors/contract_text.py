"""The C++ of the contraction kernel: products whose results are put down in any order of indices, and copies into another order.

Left is [batch][inner][rows], right [batch][inner][columns]. A tile of rows and columns is summed in registers, rows in their
lanes, and stored where the tables of offsets of rows and columns say: in whole registers where rows stay neighbours. A complex
number is two lanes; products with real and imaginary parts of right are summed apart, and joined at the end.
"""

COPY, PRODUCT = 0, 1
FIELDS = 16  # whole numbers of an operation
MOST_INNER = 2048  # length of the sums of a product

_HEAD = """\
#include <cstring>
#ifdef _OPENMP
#include <omp.h>
#endif
typedef {real} T;
typedef long long I;
enum {{ Z = {parts}, W = {lanes}, E = W / Z, MOST = {most}, NR = 8 / Z, MV = 2, PACK = 16, WORTH = 1 << 18 }};
typedef T V __attribute__((vector_size(W * sizeof(T)), may_alias));
typedef T VU __attribute__((vector_size(W * sizeof(T)), aligned(sizeof(T)), may_alias));
#define body static inline __attribute__((always_inline))
{swap}
"""
_COMPLEX = """\
body V joined(V re, V im)
{{
  const V sign = {{ {signs} }};
#ifdef __clang__
  return re + sign * __builtin_shufflevector(im, im, {order});
#else
  typedef {whole} M __attribute__((vector_size(sizeof(V))));
  return re + sign * __builtin_shuffle(im, (M){{ {order} }});
#endif
}}
"""
_TILE = """
// Sums of a tile: v registers of rows, n columns; right is packed [inner][n].
template <int v, int n> body void sums(const T *a, I stride, const T *b, I inner, V (&c)[n][v])
{
  V re[n][v] = {}, im[n][v] = {};
  for (I k = 0; k < inner; ++k, a += stride, b += n * Z) {
    V x[v];
    for (int i = 0; i < v; ++i) x[i] = *(const VU *)(a + i * W);
    for (int j = 0; j < n; ++j)
      for (int i = 0; i < v; ++i) {
        re[j][i] += x[i] * b[j * Z];
        if (Z == 2) im[j][i] += x[i] * b[j * Z + Z - 1];
      }
  }
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < v; ++i) c[j][i] = Z == 2 ? joined(re[j][i], im[j][i]) : re[j][i];
}

template <int bytes> body void spread(const T *from, T *to, const I *at, I count)
{
  enum { step = bytes / (Z * sizeof(T)) };
  for (I i = 0; i < count; i += step) std::memcpy(to + at[i] * Z, from + i * Z, bytes);
}

template <int v, int n> body void tile(const T *a, I stride, const T *b, I inner, T *c, const I *row, const I *column, I run)
{
  V sum[n][v];
  sums<v, n>(a, stride, b, inner, sum);
  if (run == E) {
    for (int j = 0; j < n; ++j)
      for (int i = 0; i < v; ++i) *(VU *)(c + (row[i * E] + column[j]) * Z) = sum[j][i];
    return;
  }
  for (int j = 0; j < n; ++j) {
    const T *const from = (const T *)sum[j];
    T *const to = c + column[j] * Z;
    switch (run * Z * sizeof(T)) {
      case 4: spread<4 < Z * sizeof(T) ? Z * sizeof(T) : 4>(from, to, row, v * E); break;
      case 8: spread<8 < Z * sizeof(T) ? Z * sizeof(T) : 8>(from, to, row, v * E); break;
      case 16: spread<16>(from, to, row, v * E); break;
      default: spread<32>(from, to, row, v * E);
    }
  }
}

// Rows too few for a register.
body void single(const T *a, I stride, const T *b, I inner, T *c, I row, const I *column, int n)
{
  for (int j = 0; j < n; ++j) {
    T re = 0, im = 0;
    for (I k = 0; k < inner; ++k) {
      const T *const x = a + k * stride, *const y = b + (k * n + j) * Z;
      if (Z == 2) {
        re += x[0] * y[0] - x[Z - 1] * y[Z - 1];
        im += x[0] * y[Z - 1] + x[Z - 1] * y[0];
      } else
        re += x[0] * y[0];
    }
    T *const to = c + (row + column[j]) * Z;
    to[0] = re;
    if (Z == 2) to[Z - 1] = im;
  }
}

template <int v>
body void panels(const T *a, I stride, const T *b, I inner, I columns, T *c, const I *row, const I *column, I run)
{
  I j = 0;
  for (; j + NR <= columns; j += NR, b += inner * NR * Z) tile<v, NR>(a, stride, b, inner, c, row, column + j, run);
  if (NR > 4 && columns - j >= 4) tile<v, 4>(a, stride, b, inner, c, row, column + j, run), b += inner * 4 * Z, j += 4;
  if (columns - j >= 2) tile<v, 2>(a, stride, b, inner, c, row, column + j, run), b += inner * 2 * Z, j += 2;
  if (columns - j >= 1) tile<v, 1>(a, stride, b, inner, c, row, column + j, run);
}

body int width(I left)  // of the next panel of columns
{
  return left >= NR ? NR : left >= 4 && NR > 4 ? 4 : left >= 2 ? 2 : 1;
}

body void packed(const T *b, I stride, I inner, I columns, T *to)
{
  for (I j = 0, n; j < columns; j += n) {
    n = width(columns - j);
    for (I k = 0; k < inner; ++k)
      for (I i = 0; i < n * Z; ++i) *to++ = b[k * stride + j * Z + i];
  }
}
"""
_PRODUCT = """
static void rows(const T *a, I stride, const T *b, I inner, I columns, T *c, const I *row, I many, const I *column, I run)
{
  alignas(64) T panel[MV * W * 512];
  I i = 0;
  for (; i + MV * E <= many; i += MV * E) {
    const T *from = a + i * Z;
    I step = stride;
    if (inner > PACK && inner <= 512 && columns > NR) {
      for (I k = 0; k < inner; ++k)
        for (int v = 0; v < MV; ++v) *(V *)(panel + (k * MV + v) * W) = *(const VU *)(from + k * stride + v * W);
      from = panel, step = MV * W;
    }
    panels<MV>(from, step, b, inner, columns, c, row + i, column, run);
  }
  for (; i + E <= many; i += E) panels<1>(a + i * Z, stride, b, inner, columns, c, row + i, column, run);
  for (; i < many; ++i)
    for (I j = 0, n; j < columns; j += n) {
      n = width(columns - j);
      single(a + i * Z, stride, b + j * inner * Z, inner, c, row[i], column + j, (int)n);
    }
}

static void product(const I *op, T *const *bases, const I *tables, int threads)
{
  const T *const left = bases[op[1]] + op[2] * Z, *const right = bases[op[3]] + op[4] * Z;
  T *const made = bases[0] + op[5] * Z;
  const I batch = op[6], inner = op[7], many = op[8], columns = op[9], low = op[11], high = many / low, run = op[15];
  const I *const place = tables + op[10], *const row = tables + op[12];
  const I *const far = tables + op[13], *const column = tables + op[14];
  const I most = MOST * NR / inner / NR * NR;  // columns packed at once
  const bool shared = threads > 1 && batch * inner * many * columns > WORTH && high > 1;
  (void)shared;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (shared)
#endif
  {
    alignas(64) T pack[MOST * NR * Z];
    for (I t = 0; t < batch; ++t)
      for (I j = 0; j < columns; j += most) {
        const I n = columns - j < most ? columns - j : most;
        packed(right + (t * inner * columns + j) * Z, columns * Z, inner, n, pack);
#ifdef _OPENMP
#pragma omp for schedule(static) nowait
#endif
        for (I h = 0; h < high; ++h) {
          const T *const from = left + (t * inner * many + h * low) * Z;
          rows(from, many * Z, pack, inner, n, made + (place[t] + far[h]) * Z, row, low, column + j, run);
        }
      }
  }
}

// Copy [sizes] numbers, the last axis fastest in what is written; tables hold pairs of size and stride of what is read.
static void copy(const I *op, T *const *bases, const I *tables)
{
  const T *const from = bases[op[1]] + op[2] * Z;
  T *to = bases[0] + op[5] * Z;
  const I axes = op[6], *const axis = tables + op[7], length = axis[2 * axes - 2], stride = axis[2 * axes - 1];
  I place[64] = {}, at = 0, left = 1;
  for (I i = 0; i + 1 < axes; ++i) left *= axis[2 * i];
  for (; left > 0; --left) {
    if (stride == 1)
      std::memcpy(to, from + at * Z, length * Z * sizeof(T));
    else
      for (I i = 0; i < length; ++i) std::memcpy(to + i * Z, from + (at + i * stride) * Z, Z * sizeof(T));
    to += length * Z;
    for (I i = axes - 2; i >= 0; --i) {
      at += axis[2 * i + 1];
      if (++place[i] < axis[2 * i]) break;
      at -= axis[2 * i] * axis[2 * i + 1];
      place[i] = 0;
    }
  }
}

extern "C" void contract(const I *op, I count, T *const *bases, const I *tables, I threads)
{
  for (; count > 0; --count, op += FIELDS)
    if (op[0] == 1)
      product(op, bases, tables, (int)threads);
    else
      copy(op, bases, tables);
}
"""


def source(real: str, parts: int, lanes: int) -> str:
    """Return the kernel for numbers of `parts` reals, with this many reals in a register; lanes are 4 or more."""
    order = ", ".join(str(lane ^ 1) for lane in range(lanes))
    signs = ", ".join("1" if lane % 2 else "-1" for lane in range(lanes))
    swap = (
        _COMPLEX.format(signs=signs, order=order, whole="int" if real == "float" else "long long")
        if parts == 2
        else "body V joined(V re, V) { return re; }\n"
    )
    head = _HEAD.format(real=real, parts=parts, lanes=lanes, most=MOST_INNER, swap=swap)
    return head + _TILE + _PRODUCT.replace("FIELDS", str(FIELDS))
