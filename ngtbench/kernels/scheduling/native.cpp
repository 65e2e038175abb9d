// Our own engine: the oldest events first, each with a thread of its own, and of one event the algorithm of the highest upward rank.
// What is ready is a bit, in the order of urgency; who clears a bit runs the task. No queue, and no lock but to sleep.

struct Engine {
  static constexpr U NONE_YET = ~0ull;
  static constexpr uint32_t NOT_YET = 0, GONE = ~0u;
  static constexpr int SPINS = 100;  // looks before a thread sleeps: some 10 us, about what waking it takes

  State state;
  const U words;                                        // of a slot, in whole cache lines
  std::unique_ptr<std::atomic<U>[]> ready;              // [slot][word]
  std::unique_ptr<std::atomic<uint32_t>[]> slot_of;     // [event], plus 1
  std::unique_ptr<std::atomic<bool>[]> owned;           // [event], by a thread: two on one event pass its values to and fro
  std::atomic<U> oldest{0};
  std::atomic<int> sleepers{0};
  std::mutex mutex;
  std::condition_variable woken;
  int permits = 0;
  std::unique_ptr<Offloader> offload;

  explicit Engine(Job &job)
      : state(job), words((job.algorithms + 511) / 512 * 8), ready(new std::atomic<U>[job.slots * words]),
        slot_of(new std::atomic<uint32_t>[job.events]), owned(new std::atomic<bool>[job.events])
  {
    if (job.offload) offload.reset(new Offloader(state, [this](U slot, U a) { wake(after(slot, a)); }));
  }

  void run()
  {
    for (U k = 0; k < state.job.slots * words; ++k) ready[k] = 0;
    for (U k = 0; k < state.job.events; ++k) slot_of[k] = NOT_YET, owned[k] = false;
    oldest = 0;
    permits = 0;
    state.begin();
    if (offload) offload->begin();
    for (U slot = 0; slot < state.job.slots; ++slot) start(slot);
    std::vector<std::thread> threads;
    for (U k = 0; k < state.job.threads; ++k) threads.emplace_back([this] { work(); });
    for (std::thread &thread : threads) thread.join();
    if (offload) offload->end();
    state.end();
  }

  // Fill a slot; return how many tasks are ready by that.
  int start(U slot)
  {
    if (!state.admit(slot)) return 0;
    slot_of[state.slots[slot].event].store(uint32_t(slot + 1), std::memory_order_release);
    for (const uint32_t a : state.sources) push(slot, a);
    return int(state.sources.size());
  }

  void push(U slot, U a) { ready[slot * words + a / 64].fetch_or(1ull << a % 64); }

  // Find a task: of the thread's own event, which is the oldest that is nobody's, else of the oldest that has one.
  bool take(U &slot, U &a, U &own)
  {
    const U begin = oldest.load(std::memory_order_relaxed), end = std::min(state.next.load(), state.job.events);
    if (own != NONE_YET && slot_of[own].load(std::memory_order_relaxed) == GONE) own = NONE_YET;
    for (U event = begin; own == NONE_YET && event < end; ++event)
      if (here(event) && !owned[event].load(std::memory_order_relaxed) && !owned[event].exchange(true)) own = event;
    if (own != NONE_YET && first(own, slot, a)) return true;
    for (U event = begin; event < end; ++event)
      if (first(event, slot, a)) return true;
    return false;
  }

  uint32_t here(U event) const  // its slot, plus 1
  {
    const uint32_t named = slot_of[event].load(std::memory_order_acquire);
    return named == GONE ? NOT_YET : named;
  }

  bool first(U event, U &slot, U &a)
  {
    const uint32_t named = here(event);
    if (!named) return false;
    slot = named - 1;
    std::atomic<U> *const mine = ready.get() + slot * words;
    for (U w = 0; w < words; ++w)
      for (U bits = mine[w].load(std::memory_order_relaxed); bits; bits &= bits - 1) {
        const U bit = bits & -bits;
        if (mine[w].fetch_and(~bit) & bit) {
          a = w * 64 + __builtin_ctzll(bit);
          return true;
        }
      }
    return false;
  }

  void work()
  {
    for (U slot, a, own = NONE_YET; next(slot, a, own);) {
      if (offload && offload->takes(slot, a)) continue;
      if (!state.perform(slot, a)) break;
      if (offload) offload->ran(slot, a);
      const int fresh = after(slot, a);
      if (fresh > 1) wake(fresh - 1);  // one is for this thread
    }
    wake(int(state.job.threads));  // the run is over
  }

  // Tell what waits for a task that has ended; return how many tasks are ready by that.
  int after(U slot, U a)
  {
    const Job &job = state.job;
    const U event = state.slots[slot].event;
    int fresh = 0;
    for (uint32_t i = job.outputs_at[a]; i < job.outputs_at[a + 1]; ++i)
      if (state.arrived(slot, job.outputs[i])) {
        push(slot, job.outputs[i]);
        ++fresh;
      }
    if (!state.completed(slot)) return fresh;
    slot_of[event].store(GONE, std::memory_order_release);
    for (U e = oldest.load(); e < job.events && slot_of[e].load() == GONE;) oldest.compare_exchange_weak(e, e + 1);
    fresh = start(slot);
    return state.all_done() ? int(job.threads) : fresh;
  }

  bool over() const { return state.stop.load() || state.all_done(); }

  // Find a task, or wait for one; false where the run is over.
  bool next(U &slot, U &a, U &own)
  {
    while (!over()) {
      for (int k = 0; k < SPINS && !over(); ++k) {
        if (take(slot, a, own)) return true;
        relax();
      }
      std::unique_lock<std::mutex> hold(mutex);
      sleepers.fetch_add(1);  // before the last look: who makes a task ready looks at this after it
      std::atomic_thread_fence(std::memory_order_seq_cst);  // Arm would look first
      if (take(slot, a, own)) {
        sleepers.fetch_sub(1);
        return true;
      }
      woken.wait_for(hold, std::chrono::milliseconds(100), [this] { return permits > 0 || over(); });
      if (permits > 0) --permits;
      sleepers.fetch_sub(1);
    }
    return false;
  }

  void wake(int count)
  {
    if (!count || !sleepers.load()) return;
    std::lock_guard<std::mutex> hold(mutex);
    permits = std::min(permits + count, sleepers.load());
    count > 1 ? woken.notify_all() : woken.notify_one();
  }
};

extern "C" int open_device(void *engine) { return static_cast<Engine *>(engine)->offload->open(); }
