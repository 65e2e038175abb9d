// oneTBB's task_group: of the tasks that become ready the first runs at once on the same thread, the others are spawned.
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

struct Engine {
  State state;
  tbb::task_arena arena;
  tbb::task_group group;

  explicit Engine(Job &job) : state(job), arena(int(job.threads))
  {
  }

  void run()
  {
    tbb::global_control most(tbb::global_control::max_allowed_parallelism, state.job.threads);
    state.begin();
    arena.execute([this] {
      for (U slot = 0; slot < state.job.slots; ++slot)
        if (state.admit(slot))
          for (const uint32_t a : state.sources) spawn(slot, a);
      group.wait();
    });
    state.end();
  }

  void spawn(U slot, U a)
  {
    group.run([this, slot, a] { task(slot, a); });
  }

  void task(U slot, U a)
  {
    for (bool more = true; more && state.perform(slot, a);) {
      const Job &job = state.job;
      const U done = a;
      more = false;
      const auto ready = [&](U b) {
        if (more) return spawn(slot, b);
        a = b;
        more = true;
      };
      for (uint32_t i = job.outputs_at[done]; i < job.outputs_at[done + 1]; ++i)
        if (state.arrived(slot, job.outputs[i])) ready(job.outputs[i]);
      if (state.completed(slot) && state.admit(slot))
        for (const uint32_t b : state.sources) ready(b);
    }
  }
};
