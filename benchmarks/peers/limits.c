// What system/triad, fma, cache and memory are held against: written by hand for x86-64 with AVX-512, memory on 2 MB pages.
#include <immintrin.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *huge(size_t size_b)
{
  void *const memory = aligned_alloc(1 << 21, (size_b + (1 << 21) - 1) >> 21 << 21);
  madvise(memory, size_b, MADV_HUGEPAGE);
  return memory;
}

#define TRIAD(NAME, T, V, W, SET1, LOAD, FMA, STREAM)                                            \
  extern "C" double NAME(const long threads, const long n, long)                                 \
  {                                                                                              \
    static T *a, *b, *c;                                                                         \
    if (!a) {                                                                                    \
      char *const a0 = (char *)huge(n * sizeof(T) + 4096), *const b0 = (char *)huge(n * sizeof(T) + 4096); \
      char *const c0 = (char *)huge(n * sizeof(T) + 4096);                                       \
      T *const x = (T *)a0, *const y = (T *)(b0 + 1088), *const z = (T *)(c0 + 2176);            \
      _Pragma("omp parallel for schedule(static) num_threads(threads)")                          \
      for (long i = 0; i < n; ++i) x[i] = 0, y[i] = 1, z[i] = 2;                                 \
      a = x, b = y, c = z;                                                                       \
    }                                                                                            \
    const double start = omp_get_wtime();                                                        \
    _Pragma("omp parallel num_threads(threads)")                                                 \
    {                                                                                            \
      const V s = SET1(3);                                                                       \
      _Pragma("omp for schedule(static)")                                                        \
      for (long i = 0; i < n; i += W) STREAM(a + i, FMA(s, LOAD(c + i), LOAD(b + i)));           \
      _mm_sfence();                                                                              \
    }                                                                                            \
    const double spent_s = omp_get_wtime() - start;                                              \
    if (a[0] != 7 || a[n - 1] != 7) abort();                                                     \
    return spent_s;                                                                              \
  }
TRIAD(triad_d, double, __m512d, 8, _mm512_set1_pd, _mm512_load_pd, _mm512_fmadd_pd, _mm512_stream_pd)
TRIAD(triad_f, float, __m512, 16, _mm512_set1_ps, _mm512_load_ps, _mm512_fmadd_ps, _mm512_stream_ps)

#define CHAINS(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
#define FMA_LOOP(NAME, T, V, SET1)                                                               \
  extern "C" double NAME(const long threads, const long groups, const long rounds)               \
  {                                                                                              \
    static T *x;                                                                                 \
    static volatile T factor = T(1 - 1.0 / 1024), term = T(1.0 / 1024);                          \
    if (!x) x = (T *)huge(8l << 20), memset(x, 0, 8l << 20); \
    const double start = omp_get_wtime();                                                        \
    _Pragma("omp parallel for schedule(static) num_threads(threads)")                            \
    for (long g = 0; g < groups; ++g) {                                                          \
      V *const from = (V *)x + 16 * g;                                                           \
      const V a = SET1(factor), b = SET1(term);                                                  \
      CHAINS(START)                                                                              \
      for (long r = 0; r < rounds; ++r) { CHAINS(STEP_##T) }                                     \
      CHAINS(END)                                                                                \
    }                                                                                            \
    return omp_get_wtime() - start;                                                              \
  }
#define START(k) auto v##k = from[k];
#define STEP_double(k) v##k = _mm512_fmadd_pd(v##k, a, b);
#define STEP_float(k) v##k = _mm512_fmadd_ps(v##k, a, b);
#define END(k) from[k] = v##k;
FMA_LOOP(fma_d, double, __m512d, _mm512_set1_pd)
FMA_LOOP(fma_f, float, __m512, _mm512_set1_ps)

extern "C" double sweep(const long threads, const long items, const long passes)
{
  static double *sets;
  static long made;
  if (made != items) {
    free(sets);
    sets = (double *)huge(threads * (items + 136) * 8);
    made = items;
#pragma omp parallel num_threads(threads)
    for (long i = 0; i < items; ++i) sets[omp_get_thread_num() * (items + 136) + i] = double(i % 7);
  }
  double total = 0;
  const double start = omp_get_wtime();
#pragma omp parallel num_threads(threads) reduction(+ : total)
  {
    const double *const set = sets + omp_get_thread_num() * (items + 136);
    __m512d s[8] = {};
#pragma omp for schedule(static)
    for (long p = 0; p < passes; ++p) {
      for (long i = 0; i < items; i += 64) {
#pragma GCC unroll 8
        for (int k = 0; k < 8; ++k) s[k] = _mm512_add_pd(s[k], _mm512_load_pd(set + i + 8 * k));
      }
      asm volatile("" ::: "memory");
    }
    for (int k = 0; k < 8; ++k) total += _mm512_reduce_add_pd(s[k]);
  }
  const double spent_s = omp_get_wtime() - start;
  if (total <= 0) abort();
  return spent_s;
}

extern "C" double chase(long, const long lines, const long steps)
{
  static void **memory;
  if (!memory) {
    memory = (void **)huge(lines * 64);
    long *const order = (long *)malloc(lines * sizeof(long));
    unsigned long seed = 1;
    for (long i = 0; i < lines; ++i) order[i] = i;
    for (long i = lines - 1; i > 0; --i) {
      seed = seed * 6364136223846793005ul + 1442695040888963407ul;
      const long j = (seed >> 33) % (i + 1), kept = order[i];
      order[i] = order[j], order[j] = kept;
    }
    for (long i = 0; i < lines; ++i) memory[8 * order[i]] = memory + 8 * order[(i + 1) % lines];
    free(order);
  }
  static void **at;
  void **here = at ? at : memory;
  const double start = omp_get_wtime();
  for (long k = 0; k < steps; ++k) here = (void **)*here;
  const double spent_s = omp_get_wtime() - start;
  at = here;
  return spent_s;
}
