// Work that memory bounds: words of a buffer of the thread's own are added up, from a place on that the task's inputs say.
enum Mode : U { LATENCY, MEMORY, MIXED };

static constexpr U WORDS = U(1) << 23;  // of a buffer, 64 MiB; word i holds i

struct Buffer {
  std::unique_ptr<U[]> words{new U[WORDS]};
  Buffer()
  {
    for (U i = 0; i < WORDS; ++i) words[i] = i;
  }

  U after(U s, U count) const
  {
    U sum = s;
    for (U at = s % WORDS; count; at = 0) {
      const U *const from = words.get() + at, most = WORDS - at < count ? WORDS - at : count;
      for (U i = 0; i < most; ++i) sum += from[i];
      count -= most;
    }
    return sum;
  }
};

// The buffers of threads, by lane. Each is filled by a thread, so that pages lie where one ran, and is only read later.
static std::vector<std::unique_ptr<Buffer>> buffers(const Job &job)
{
  std::vector<std::unique_ptr<Buffer>> found(job.mode == LATENCY ? 0 : job.threads);
  std::vector<std::thread> threads;
  for (auto &one : found) threads.emplace_back([&one] { one.reset(new Buffer); });
  for (std::thread &thread : threads) thread.join();
  return found;
}

static inline U streamed(U mode, U steps) { return mode == MEMORY ? steps : mode == MIXED ? steps / 2 : 0; }

// Nanoseconds of a word, the best of some tries at places of their own.
extern "C" double word_ns(U tries, U count)
{
  const Buffer buffer;
  double best = 1e30;
  U s = count;
  for (U k = 0; k < tries; ++k) {
    s = mixed(s);
    const int64_t start = now_ns();
    s = buffer.after(s, count);
    __asm__ volatile("" : "+r"(s));
    const double spent = double(now_ns() - start) / count;
    if (spent < best) best = spent;
  }
  return best;
}
