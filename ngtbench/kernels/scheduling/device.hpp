// What algorithms are offloaded to: a few slots, each of which runs one launch of the kernel of lanes.py at a time.
#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <string>

enum Place : U { HOST, CUDA, HIP };

struct Launch {
  U tasks = 0, lanes = 0, steps = 0, fault = NONE;
  U *starts = nullptr, *ends = nullptr, *spoilt = nullptr;  // [task], in `memory` of the slot
};

struct Device {
  virtual ~Device() {}
  virtual U cpu_ns() const { return 0; }                      // what kernels took of this machine's processors so far
  virtual void enter() {}                                     // before a thread submits
  virtual U *memory(U slot) = 0;                              // that device and threads see: three numbers a task
  virtual void submit(U slot, const Launch &launch) = 0;      // does not wait
  virtual int64_t finished(U slot, int64_t patience_ns) = 0;  // what the kernel took, or -1 where it still runs after so long
};

// No device: a thread per slot, which runs the kernel's text, lanes and all. For tests, and to see what scheduling costs.
struct HostDevice : Device {
  enum Phase { IDLE, GIVEN, DONE, BROKEN };
  struct Slot {
    std::mutex mutex;
    std::condition_variable changed;
    Phase phase = IDLE;
    Launch launch;
    int64_t took_ns = 0;
    std::vector<U> memory;
    std::thread thread;
  };
  typedef void (*Kernel)(U threads, U tasks, U lanes, U steps, const U *starts, U *ends, U *spoilt);

  std::vector<Slot> slots;
  const Kernel kernel;
  std::atomic<bool> closing{false};
  std::atomic<U> spent_ns{0};

  explicit HostDevice(const Offload &how) : slots(how.slots), kernel(Kernel(how.kernel))
  {
    for (Slot &slot : slots) {
      slot.memory.resize(3 * how.most);
      slot.thread = std::thread([this, &slot] { serve(slot); });
    }
  }

  ~HostDevice()
  {
    closing = true;
    for (Slot &slot : slots) {
      {
        std::lock_guard<std::mutex> hold(slot.mutex);
      }
      slot.changed.notify_all();
      slot.thread.join();
    }
  }

  U cpu_ns() const override { return spent_ns; }

  U *memory(U slot) override { return slots[slot].memory.data(); }

  void submit(U number, const Launch &launch) override
  {
    Slot &slot = slots[number];
    {
      std::lock_guard<std::mutex> hold(slot.mutex);
      if (slot.phase == GIVEN) throw std::runtime_error("its launch before has not ended");
      slot.launch = launch;
      slot.phase = GIVEN;
    }
    slot.changed.notify_all();
  }

  int64_t finished(U number, int64_t patience_ns) override
  {
    Slot &slot = slots[number];
    std::unique_lock<std::mutex> hold(slot.mutex);
    if (!slot.changed.wait_for(hold, std::chrono::nanoseconds(patience_ns), [&slot] { return slot.phase != GIVEN; })) return -1;
    if (slot.phase == BROKEN) throw std::runtime_error("as asked");
    return slot.took_ns;
  }

  void serve(Slot &slot)
  {
    std::unique_lock<std::mutex> hold(slot.mutex);
    for (;;) {
      slot.changed.wait(hold, [this, &slot] { return closing || slot.phase == GIVEN; });
      if (closing) return;
      const Launch one = slot.launch;
      hold.unlock();
      if (one.fault == DEVICE_VANISHES) syscall(SYS_exit, 0);
      while (one.fault == DEVICE_STALLS && !closing) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const int64_t start = now_ns(), cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
      kernel(1, one.tasks, one.lanes, one.steps, one.starts, one.ends, one.spoilt);
      spent_ns += now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
      hold.lock();
      slot.took_ns = now_ns() - start;
      slot.phase = one.fault == KERNEL_FAILS ? BROKEN : DONE;
      slot.changed.notify_all();
    }
  }
};

// A GPU through its driver, whose calls are found by name: a stream per slot, memory of the host for the kernel.
struct DriverDevice : Device {
  static constexpr int NOT_READY = 600, NON_BLOCKING = 1, PORTABLE_MAPPED = 3;  // the same numbers for both
  static constexpr unsigned THREADS = 128;                                      // of a block: gpu.THREADS
  static constexpr int64_t LEAST_NS = 10'000;                                   // between two questions
  struct Slot {
    void *stream = nullptr, *start = nullptr, *end = nullptr, *memory = nullptr;
    bool running = false;
  };
  typedef int (*Made)(void **, unsigned);
  typedef int (*Taken)(void *);

  const bool hip;
  void *const kernel;
  void *library;
  std::vector<Slot> slots;
  void *context = nullptr;
  int number = 0;
  int (*get_context)(void **), (*get_device)(int *), (*set_device)(int);
  Taken set_context, destroy_stream, destroy_event, free_memory, query;
  Made make_stream, make_event;
  int (*make_memory)(void **, size_t, unsigned), (*record)(void *, void *), (*elapsed)(float *, void *, void *);
  int (*launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);

  explicit DriverDevice(const Offload &how)
      : hip(how.place == HIP), kernel(how.kernel), library(dlopen(how.driver, RTLD_NOW)), slots(how.slots)
  {
    if (!library) throw std::runtime_error(dlerror());
    if (hip) {
      find(get_device, "", "hipGetDevice");
      find(set_device, "", "hipSetDevice");
    } else {
      find(get_context, "cuCtxGetCurrent", "");
      find(set_context, "cuCtxSetCurrent", "");
    }
    find(make_stream, "cuStreamCreate", "hipStreamCreateWithFlags");
    find(destroy_stream, "cuStreamDestroy_v2", "hipStreamDestroy");
    find(make_event, "cuEventCreate", "hipEventCreateWithFlags");
    find(destroy_event, "cuEventDestroy_v2", "hipEventDestroy");
    find(make_memory, "cuMemHostAlloc", "hipHostMalloc");
    find(free_memory, "cuMemFreeHost", "hipHostFree");
    find(record, "cuEventRecord", "hipEventRecord");
    find(query, "cuEventQuery", "hipEventQuery");
    find(elapsed, "cuEventElapsedTime", "hipEventElapsedTime");
    find(launch, "cuLaunchKernel", "hipModuleLaunchKernel");
    hip ? check("hipGetDevice", get_device(&number)) : check("cuCtxGetCurrent", get_context(&context));
    for (Slot &slot : slots) {
      check("stream", make_stream(&slot.stream, NON_BLOCKING));
      check("event", make_event(&slot.start, 0));
      check("event", make_event(&slot.end, 0));
      check("host memory", make_memory(&slot.memory, 3 * how.most * sizeof(U), PORTABLE_MAPPED));
    }
  }

  ~DriverDevice()
  {
    for (Slot &slot : slots) {
      if (slot.running) continue;  // what still runs there cannot be ended
      if (slot.memory) free_memory(slot.memory);
      if (slot.start) destroy_event(slot.start);
      if (slot.end) destroy_event(slot.end);
      if (slot.stream) destroy_stream(slot.stream);
    }
  }

  void enter() override { hip ? check("hipSetDevice", set_device(number)) : check("cuCtxSetCurrent", set_context(context)); }

  U *memory(U slot) override { return static_cast<U *>(slots[slot].memory); }

  void submit(U at, const Launch &one) override
  {
    Slot &slot = slots[at];
    if (slot.running) throw std::runtime_error("its launch before has not ended");
    slot.running = true;
    Launch given = one;
    void *arguments[] = {&given.tasks, &given.lanes, &given.steps, &given.starts, &given.ends, &given.spoilt};
    const unsigned blocks = unsigned((one.tasks * one.lanes + THREADS - 1) / THREADS);
    check("event", record(slot.start, slot.stream));
    check("launch", launch(kernel, blocks, 1, 1, THREADS, 1, 1, 0, slot.stream, arguments, nullptr));
    check("event", record(slot.end, slot.stream));
  }

  int64_t finished(U at, int64_t patience_ns) override
  {
    Slot &slot = slots[at];
    for (const int64_t until = now_ns() + patience_ns;;) {
      const int said = query(slot.end);
      if (said != NOT_READY) check("kernel", said);
      if (!said) break;
      if (now_ns() > until) return -1;
      std::this_thread::sleep_for(std::chrono::nanoseconds(LEAST_NS));
    }
    float ms = 0;
    check("event", elapsed(&ms, slot.start, slot.end));
    slot.running = false;
    return int64_t(ms * 1e6);
  }

  template <typename F> void find(F &call, const char *cuda, const char *rocm)
  {
    const char *name = hip ? rocm : cuda;
    call = F(dlsym(library, name));
    if (!call) throw std::runtime_error(std::string("the driver lacks ") + name);
  }

  static void check(const char *what, int said)
  {
    if (said) throw std::runtime_error(std::string(what) + ": the driver says " + std::to_string(said));
  }
};

static Device *made(const Offload &how) { return how.place == HOST ? (Device *)new HostDevice(how) : new DriverDevice(how); }
