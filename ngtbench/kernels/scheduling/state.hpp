// What every engine shares: the work of a task, the life of an event, the record of both, and the watchdog.
// An engine decides only which ready task runs next, and where.
struct Stopped {};

struct State {
  static constexpr U SENTINEL = 0xDEADBEEFDEADBEEFull;  // a value that is not there yet
  static constexpr U PIECE = 1 << 17;                   // steps between two looks at `stop`
  static constexpr int64_t EVERY_NS = 2'000'000;        // between a thread's looks at its clock, which take 0.5 % of its time
  static constexpr U FIRST = 8, TRIES = 2, TRIED = 5000;  // of a thread's first look, and of others: the best of so many times steps
  struct alignas(64) Slot {
    U event = 0;
    std::atomic<uint32_t> remaining{0};
  };

  Job &job;
  std::vector<Slot> slots;
  std::unique_ptr<U[]> values;                         // [slot][algorithm]
  std::unique_ptr<std::atomic<uint32_t>[]> left;       // inputs that are not there yet, [slot][algorithm]
  std::vector<uint32_t> sources;
  const std::vector<std::unique_ptr<Buffer>> own;      // [lane]: what a thread streams
  std::atomic<U> next{0}, finished{0};                 // events
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> lanes{0};
  std::atomic<U> looks{0}, look_steps{0}, rates{0}, fastest{0};
  U generation = 0;

  explicit State(Job &of)
      : job(of), slots(of.slots), values(new U[of.slots * of.algorithms]),
        left(new std::atomic<uint32_t>[of.slots * of.algorithms]), own(buffers(of))
  {
    for (U a = 0; a < job.algorithms; ++a)
      if (!waits(a)) sources.push_back(a);
  }

  uint32_t waits(U a) const { return job.inputs_at[a + 1] - job.inputs_at[a]; }

  // Between `begin` and `end` a run is watched: a task that never ends is found out.
  void begin()
  {
    static std::atomic<U> generations{0};
    generation = ++generations;
    next = finished = 0;
    stop = false;
    lanes = 0;
    looks = look_steps = rates = fastest = 0;
    over_ = false;
    job.failure = FINE;
    watchdog_ = std::thread([this] { watch(); });
  }

  void end()
  {
    {
      std::lock_guard<std::mutex> hold(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    watchdog_.join();
    if (!looks) looked();  // no thread ran a task: all were offloaded
    job.looks = looks;
    job.look_steps = look_steps;
    job.rates = rates;
    job.fastest = fastest;
  }

  // Of the chain, as threads saw it in this run so far; nominal before.
  double step_ns() const { return looks ? 1e9 * looks / rates : 1.0; }

  bool all_done() const { return finished.load(std::memory_order_acquire) == job.events; }

  // Put the next event into a slot that is empty; false where there is none left.
  bool admit(U slot)
  {
    if (stop.load(std::memory_order_relaxed)) return false;
    const U event = next.fetch_add(1, std::memory_order_relaxed);
    if (event >= job.events) return false;
    __atomic_store_n(job.admitted_ns + event, now_ns(), __ATOMIC_RELAXED);
    slots[slot].event = event;
    slots[slot].remaining.store(job.algorithms, std::memory_order_relaxed);
    for (U a = 0, at = slot * job.algorithms; a < job.algorithms; ++a, ++at) {
      values[at] = SENTINEL;
      left[at].store(waits(a), std::memory_order_relaxed);
    }
    return true;
  }

  // Do the work of a task all of whose inputs are there; false where the run is to end.
  bool perform(U slot, U a) noexcept
  {
    const U event = slots[slot].event;
    U s = begun(slot, a, lane(), looked());
    try {
      if (job.fault && job.fault_algorithm == a && job.fault_event == event) misbehave();
      const U words = streamed(job.mode, job.steps[a]);
      U steps = job.steps[a] - words;
      for (; steps > PIECE; steps -= PIECE) {
        s = chain(s, PIECE);
        if (stop.load(std::memory_order_relaxed)) return false;
      }
      s = chain(s, steps);
      if (words) s = own[lane() % own.size()]->after(s, words);
    } catch (const Stopped &) {
      return false;
    } catch (...) {
      fail(THREW, event, a);
      return false;
    }
    ended(slot, a, s);
    return !stop.load(std::memory_order_relaxed);
  }

  // What the chain of a task starts with; from now on the task has begun.
  U begun(U slot, U a, int32_t lane, int64_t at_ns)
  {
    const U event = slots[slot].event;
    Record &record = job.records[event * job.algorithms + a];
    record.lane = lane;
    __atomic_store_n(&record.begin_ns, at_ns, __ATOMIC_RELAXED);
    __atomic_fetch_add(&record.runs, 1, __ATOMIC_RELAXED);
    const U *const value = values.get() + slot * job.algorithms;
    U sum = ((job.first_event + event) << 20) + job.number[a];
    for (uint32_t i = job.inputs_at[a]; i < job.inputs_at[a + 1]; ++i) sum += value[job.inputs[i]];
    return mixed(sum);
  }

  // The end of its chain is there.
  void ended(U slot, U a, U s)
  {
    values[slot * job.algorithms + a] = mixed(s);
    __atomic_store_n(&job.records[slots[slot].event * job.algorithms + a].end_ns, now_ns(), __ATOMIC_RELAXED);
  }

  // One input less to wait for; true where that was the last.
  bool arrived(U slot, U a) { return left[slot * job.algorithms + a].fetch_sub(1, std::memory_order_acq_rel) == 1; }

  // One task less; true where that was the last of its event.
  bool completed(U slot)
  {
    if (slots[slot].remaining.fetch_sub(1, std::memory_order_acq_rel) != 1) return false;
    U found = 0;
    for (U a = 0; a < job.algorithms; ++a) found ^= mixed(values[slot * job.algorithms + a] + job.number[a]);
    const U event = slots[slot].event;
    job.checksums[event] = found;
    __atomic_store_n(job.finished_ns + event, now_ns(), __ATOMIC_RELAXED);
    finished.fetch_add(1, std::memory_order_acq_rel);
    return true;
  }

  void fail(int64_t how, U event, U a)
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (job.failure == FINE) {
      job.failed_algorithm = a;
      job.failed_event = event;
      job.failure = how;
    }
    stop.store(true);
  }

 private:
  std::thread watchdog_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;

  int32_t lane()
  {
    thread_local U seen = 0;
    thread_local int32_t mine = 0;
    if (seen != generation) {
      seen = generation;
      mine = lanes.fetch_add(1);
    }
    return mine;
  }

  // Now; before that this thread looks at its clock, now and then, by steps that belong to no task: it moves during a run.
  int64_t looked()
  {
    thread_local U seen = 0;
    thread_local int64_t due = 0;
    const int64_t now = now_ns();
    if (job.mode != LATENCY || (seen == generation && now < due)) return now;
    const U tries = seen == generation ? TRIES : FIRST, rate = 1e9 / least_ns(tries, TRIED);
    for (U most = fastest; most < rate && !fastest.compare_exchange_weak(most, rate);) {}
    rates.fetch_add(rate, std::memory_order_relaxed);
    look_steps.fetch_add(tries * TRIED, std::memory_order_relaxed);
    looks.fetch_add(1, std::memory_order_relaxed);
    seen = generation;
    due = now + EVERY_NS;
    return now_ns();
  }

  void misbehave()
  {
    if (job.fault == THROWS) throw std::runtime_error("as asked");
    if (job.fault == VANISHES) syscall(SYS_exit, 0);  // this thread alone, whatever it holds
    while (job.fault == STALLS && !stop.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (stop.load()) throw Stopped();
  }

  U progress()
  {
    U found = next.load();
    for (const Slot &slot : slots) found = found * 31 + slot.remaining.load();
    return found;
  }

  void watch()
  {
    std::unique_lock<std::mutex> hold(mutex_);
    U before = progress();
    int64_t since = now_ns();
    while (!changed_.wait_for(hold, std::chrono::duration<double>(job.stall_s / 8), [this] { return over_; })) {
      if (progress() != before) {
        before = progress();
        since = now_ns();
      } else if (now_ns() - since > job.stall_s * 1e9) {
        hold.unlock();
        stalled();
        hold.lock();
        if (!changed_.wait_for(hold, std::chrono::duration<double>(1 + job.stall_s), [this] { return over_; })) perish();
        return;
      }
    }
  }

  // Nothing ends a thread of a library that waits for another: who started this process is told by its last words.
  [[noreturn]] void perish()
  {
    dprintf(2, "algorithm %s of event %lld never ended, nor did the run: the process is ended\n", job.names[job.failed_algorithm],
            (long long)job.failed_event);
    _exit(1);
  }

  // Name what began first of all that has not ended, or else what is the first to have been left.
  void stalled()
  {
    U event = 0, a = 0;
    int64_t first = INT64_MAX, how = LEFT;
    for (U e = 0; e < job.events; ++e)
      for (U k = 0; k < job.algorithms; ++k) {
        const Record &record = job.records[e * job.algorithms + k];
        const int64_t began = __atomic_load_n(&record.begin_ns, __ATOMIC_RELAXED);
        if (!began && how == LEFT && first == INT64_MAX) first = INT64_MAX - 1, event = e, a = k;
        if (began && began < first && !__atomic_load_n(&record.end_ns, __ATOMIC_RELAXED)) first = began, event = e, a = k, how = STALLED;
      }
    fail(how, event, a);
  }
};
