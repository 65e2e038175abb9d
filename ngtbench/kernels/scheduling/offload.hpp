// Algorithms on a device: a queue in the order of urgency, and a thread per device slot that sleeps while its launch runs.
// A thread of the pool puts a task there and goes on, or waits for it; who sees the end tells all that wait for the task.
#include <functional>
#include <set>
#include <tuple>

struct Offloader {
  static constexpr int64_t LOOK_NS = 50'000'000;  // between two looks whether the run is over
  static constexpr U TRIES = 3;                   // of each algorithm, before it is offloaded
  struct Task {
    U event, a, slot;
    int64_t since_ns;
    bool operator<(const Task &other) const { return std::tie(event, a) < std::tie(other.event, other.a); }
  };

  State &state;
  Offload &how;
  const std::function<void(U, U)> after;  // what is to be done once a task has ended
  std::unique_ptr<Device> device;
  std::set<Task> queue;
  std::mutex mutex;
  std::condition_variable changed, returned;
  std::vector<int64_t> busy_until_ns;   // [device slot]
  std::vector<int64_t> own_ns;          // [algorithm], of a thread, lately; 0: not yet
  std::vector<std::thread> attendants;  // one each
  bool closing = false;

  Offloader(State &of, std::function<void(U, U)> then)
      : state(of), how(*of.job.offload), after(then), busy_until_ns(how.slots), own_ns(of.job.algorithms)
  {
  }

  // Open the device, and see how long it takes; false where it cannot be, and `said` says why.
  bool open() noexcept
  {
    try {
      device.reset(made(how));
      for (U a = 0; a < state.job.algorithms; ++a)
        for (U k = 0; how.offloaded[a] && k < TRIES; ++k) {
          const int64_t start = now_ns();
          const Launch one = laid(0, a, 1);
          device->submit(0, one);
          int64_t took;
          while ((took = device->finished(0, LOOK_NS)) < 0)
            if (now_ns() - start > state.job.stall_s * 1e9) throw std::runtime_error("its first launch never ended");
          how.expected_ns[a] = now_ns() - start;
          how.least_ns[a] = k ? std::min(how.least_ns[a], took) : took;
        }
      return true;
    } catch (const std::exception &error) {
      return says(error), false;
    }
  }

  void begin()
  {
    queue.clear();
    how.launches = how.tasks = how.busy_ns = how.joined_ns = 0;
    std::fill(busy_until_ns.begin(), busy_until_ns.end(), 0);
    closing = false;
    how.said[0] = 0;
    how.cpu_ns = device->cpu_ns();
    for (U k = 0; k < how.slots; ++k) attendants.emplace_back([this, k] { attend(k); });
  }

  void end()
  {
    {
      std::lock_guard<std::mutex> hold(mutex);
      closing = true;
    }
    changed.notify_all();
    for (std::thread &thread : attendants) thread.join();
    attendants.clear();
    how.cpu_ns = device->cpu_ns() - how.cpu_ns;
  }

  // Give a task to the device; false where the thread that asks is to run it.
  bool takes(U slot, U a)
  {
    if (!how.offloaded[a]) return false;
    const U event = state.slots[slot].event;
    std::unique_lock<std::mutex> hold(mutex);
    if (how.chooses && earlier(a)) return false;
    queue.insert({event, a, slot, now_ns()});
    changed.notify_all();
    const int64_t *const end = &state.job.records[event * state.job.algorithms + a].end_ns;
    while (how.holds && !__atomic_load_n(end, __ATOMIC_ACQUIRE) && !over())
      returned.wait_for(hold, std::chrono::nanoseconds(LOOK_NS));
    return true;
  }

  // A thread ran a task: what it took is what the next is expected to.
  void ran(U slot, U a)
  {
    if (!how.chooses || !how.offloaded[a]) return;
    const Record &record = state.job.records[state.slots[slot].event * state.job.algorithms + a];
    std::lock_guard<std::mutex> hold(mutex);
    own_ns[a] = expected(own_ns[a], record.end_ns - record.begin_ns);
  }

 private:
  static int64_t expected(int64_t before, int64_t took) { return before ? before + (took - before) / 4 : took; }

  bool over() const { return closing || state.stop.load() || state.all_done(); }

  // A thread would end before the device, after all that waits for it, does. What is expected of the device is forgotten by
  // and by: else one launch that was disturbed would be the last.
  bool earlier(U a)
  {
    const int64_t now = now_ns(), free = std::max(now, *std::min_element(busy_until_ns.begin(), busy_until_ns.end()));
    int64_t backlog_ns = 0;
    for (const Task &task : queue) backlog_ns += how.expected_ns[task.a];
    const double there = free - now + backlog_ns / int64_t(how.slots) + how.expected_ns[a];
    const double here = own_ns[a] ? double(own_ns[a]) : state.job.steps[a] * state.step_ns();
    if (here >= there) return false;
    how.expected_ns[a] -= (how.expected_ns[a] - how.least_ns[a]) / 16;
    return true;
  }

  Launch laid(U k, U a, U tasks) const
  {
    U *const memory = device->memory(k);
    for (U i = 0; i < tasks; ++i) memory[i] = memory[how.most + i] = memory[2 * how.most + i] = 0;  // no end of the launch before
    Launch one;
    one.tasks = tasks, one.lanes = how.lanes, one.steps = state.job.steps[a];
    one.starts = memory, one.ends = memory + how.most, one.spoilt = memory + 2 * how.most;
    return one;
  }

  void says(const std::exception &error) { snprintf(how.said, sizeof how.said, "%s", error.what()); }

  void attend(U k)
  {
    std::vector<Task> tasks;
    try {
      while (take(k, tasks) && run(k, tasks)) {}
    } catch (const std::exception &error) {
      std::lock_guard<std::mutex> hold(mutex);  // others may fail too
      says(error);
      state.fail(FAILED, tasks[0].event, tasks[0].a);
    }
  }

  // Take the most urgent task, and others of its algorithm, if so many are to be joined; false where the run is over.
  bool take(U k, std::vector<Task> &tasks)
  {
    std::unique_lock<std::mutex> hold(mutex);
    tasks.clear();
    while (queue.empty() && !over()) changed.wait_for(hold, std::chrono::nanoseconds(LOOK_NS));
    if (over()) return false;
    const int64_t taken = now_ns();
    const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(how.patience_ns);
    join(queue.begin()->a, tasks);
    const U a = tasks[0].a;
    while (tasks.size() < how.most && !over() && changed.wait_until(hold, until) == std::cv_status::no_timeout) join(a, tasks);
    const int64_t now = now_ns();
    for (const Task &task : tasks) how.joined_ns += now - std::max(task.since_ns, taken);
    busy_until_ns[k] = now + how.expected_ns[a] * int64_t(tasks.size());
    return true;
  }

  void join(U a, std::vector<Task> &tasks)
  {
    for (auto one = queue.begin(); one != queue.end() && tasks.size() < how.most;) {
      if (one->a != a) {
        ++one;
        continue;
      }
      tasks.push_back(*one);
      one = queue.erase(one);
    }
  }

  bool run(U k, const std::vector<Task> &tasks)
  {
    const Job &job = state.job;
    const U a = tasks[0].a, count = tasks.size();
    Launch one = laid(k, a, count);
    const int64_t start = now_ns();
    for (U i = 0; i < count; ++i) {
      one.starts[i] = state.begun(tasks[i].slot, a, int32_t(job.threads + k), start);
      if (job.fault_algorithm == a && job.fault_event == tasks[i].event) one.fault = job.fault;
    }
    device->enter();
    device->submit(k, one);
    int64_t took;
    while ((took = device->finished(k, LOOK_NS)) < 0)
      if (state.stop.load()) return false;
    {
      std::lock_guard<std::mutex> hold(mutex);
      ++how.launches;
      how.tasks += count;
      how.busy_ns += took;
      busy_until_ns[k] = 0;
      how.expected_ns[a] = expected(how.expected_ns[a], (now_ns() - start) / int64_t(count));
      how.least_ns[a] = std::min(how.least_ns[a], took / int64_t(count));
    }
    for (U i = 0; i < count; ++i) {
      state.ended(tasks[i].slot, a, one.spoilt[i] ? ~one.ends[i] : one.ends[i]);
      after(tasks[i].slot, a);
    }
    {
      std::lock_guard<std::mutex> hold(mutex);  // who waits has looked before this, or will after it
    }
    returned.notify_all();
    changed.notify_all();
    return !state.stop.load();
  }
};
