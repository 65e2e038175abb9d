// A driver of a GPU that is not there: a thread of this processor runs every thread of every block, one after another.
// Comes after the words of CUDA and a kernel's text. What `wrong` says goes wrong.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <thread>

namespace {
enum Wrong { NOTHING, LAUNCH, KERNEL, NEVER };
struct Stream {
  std::thread thread;
  std::atomic<int> running{0}, failed{0};
};
struct Event {
  Stream *stream;
};
typedef void (*Chains)(U, U, U, const U *, U *, U *);
std::atomic<int> wrong{NOTHING}, alive{0};
thread_local int context = 0;

int launch(void *kernel, unsigned blocks, unsigned threads, Stream &stream, void **given)
{
  if (wrong == LAUNCH) return 1;
  if (context != 7 || stream.running) return 2;
  if (stream.thread.joinable()) stream.thread.join();
  stream.running = 1;
  const U tasks = *(U *)given[0], lanes = *(U *)given[1], steps = *(U *)given[2];
  const U *starts = *(const U **)given[3];
  U *ends = *(U **)given[4], *spoilt = *(U **)given[5];
  const int how = wrong;
  const Chains run = reinterpret_cast<Chains>(kernel);
  stream.thread = std::thread([=, &stream] {
    while (how == NEVER && wrong == NEVER) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    gridDim = {blocks, 1, 1};
    blockDim = {threads, 1, 1};
    for (blockIdx = {0, 0, 0}; blockIdx.x < blocks; ++blockIdx.x)
      for (threadIdx = {0, 0, 0}; threadIdx.x < threads; ++threadIdx.x) run(tasks, lanes, steps, starts, ends, spoilt);
    stream.failed = how == KERNEL;
    stream.running = 0;
  });
  return 0;
}

int made(void **what, void *one) { return ++alive, *what = one, 0; }
int query(Event &event) { return event.stream->running ? 600 : event.stream->failed ? 700 : 0; }
int ended(Stream *stream)
{
  if (stream->thread.joinable()) stream->thread.join();
  return --alive, delete stream, 0;
}
}  // namespace

extern "C" {
void go_wrong(int how) { wrong = how; }
int left() { return alive; }
void here() { context = 7; }
#define NAMES(cuda, hip, given, ...) \
  int cuda given { __VA_ARGS__; } \
  int hip given { __VA_ARGS__; }
NAMES(cuStreamCreate, hipStreamCreateWithFlags, (void **s, unsigned), return made(s, new Stream))
NAMES(cuStreamDestroy_v2, hipStreamDestroy, (Stream * s), return ended(s))
NAMES(cuEventCreate, hipEventCreateWithFlags, (void **e, unsigned), return made(e, new Event))
NAMES(cuEventDestroy_v2, hipEventDestroy, (Event * e), return --alive, delete e, 0)
NAMES(cuEventRecord, hipEventRecord, (Event * e, Stream *s), return e->stream = s, 0)
NAMES(cuEventQuery, hipEventQuery, (Event * e), return query(*e))
NAMES(cuEventElapsedTime, hipEventElapsedTime, (float *ms, Event *, Event *), return *ms = 0.001f, 0)
NAMES(cuMemHostAlloc, hipHostMalloc, (void **m, size_t bytes, unsigned), return made(m, std::calloc(bytes, 1)))
NAMES(cuMemFreeHost, hipHostFree, (void *m), return --alive, std::free(m), 0)
NAMES(cuLaunchKernel, hipModuleLaunchKernel,
      (void *k, unsigned blocks, unsigned, unsigned, unsigned threads, unsigned, unsigned, unsigned, Stream *s, void **given,
       void **),
      return launch(k, blocks, threads, *s, given))
int cuCtxGetCurrent(void **found) { return *found = (void *)(size_t)context, 0; }
int cuCtxSetCurrent(void *one) { return context = int((size_t)one), 0; }
int hipGetDevice(int *found) { return *found = context, 0; }
int hipSetDevice(int one) { return context = one, 0; }
}
