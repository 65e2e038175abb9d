// What every engine is given and leaves behind, and the chain of steps that is the work.
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

typedef uint64_t U;

struct Record {
  int64_t begin_ns, end_ns;  // 0: not yet
  int32_t lane, runs;
};

// On purpose, for tests: of the thread that runs an algorithm, and of the device that does.
enum Fault : U { NONE, THROWS, STALLS, VANISHES, KERNEL_FAILS, DEVICE_STALLS, DEVICE_VANISHES };
enum Failure : int64_t { FINE, THREW, STALLED, LEFT, FAILED };

// How algorithms are offloaded; laid out as in offload.py.
struct Offload {
  U place, slots, lanes;                   // which device; launches at once; lanes of a chain
  U holds, chooses, most, patience_ns;     // the thread waits; earliest end; tasks of a launch, and how long one waits for others
  void *kernel;                            // host: a function; else what the driver knows it by
  const char *driver;                      // its library
  const U *offloaded;                      // [algorithm]: not 0 where it may be
  int64_t *expected_ns, *least_ns;         // [algorithm], for a task: from launch to end, lately; of the kernel, ever
  U launches, tasks, busy_ns, joined_ns, cpu_ns;  // answers
  char said[160];                          // what went wrong, in the driver's words
};

// Laid out as in job.py. Algorithms are numbered by falling upward rank, so that the lowest number is the most urgent.
struct Job {
  U algorithms, events, slots, threads, first_event;
  const uint32_t *inputs_at, *inputs, *outputs_at, *outputs;  // those of a begin at [a] and end at [a + 1]
  const U *steps, *number;                                    // of an algorithm: of the chain; in the graph as it was given
  Record *records;                                            // [event][algorithm]
  int64_t *admitted_ns, *finished_ns;                         // [event]
  U *checksums;                                               // [event]
  const char *const *names;                                   // [algorithm]
  double stall_s;                                             // without any progress: given up
  U fault, fault_algorithm, fault_event;
  int64_t failure, failed_algorithm, failed_event;  // answers
  U looks, look_steps, rates, fastest;              // at the clock: how often, by how many steps; steps per second, sum and most
  Offload *offload;                                 // null: threads alone
  U mode;                                           // what a step is: Mode of stream.hpp
};

static inline int64_t now_ns(clockid_t clock = CLOCK_MONOTONIC)
{
  timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static inline U mixed(U z)
{
  z += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

static inline U chain(U s, U steps)  // each step waits for the one before: 4 cycles on most processors
{
  for (U i = 0; i < steps; ++i) s = s * 6364136223846793005ull + 1442695040888963407ull;
  return s;
}

static inline void relax()
{
#ifdef __x86_64__
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Nanoseconds of a step, the best of some tries.
static double least_ns(U tries, U steps)
{
  double best = 1e30;
  U s = steps;
  for (U k = 0; k < tries; ++k) {
    const int64_t start = now_ns();
    s = chain(s, steps);
    __asm__ volatile("" : "+r"(s));
    const double spent = double(now_ns() - start) / steps;
    if (spent < best) best = spent;
  }
  return best;
}

extern "C" double step_ns(U tries, U steps) { return least_ns(tries, steps); }
