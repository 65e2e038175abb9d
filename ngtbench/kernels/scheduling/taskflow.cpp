// Taskflow: a graph per slot, run again for each event.
#include <taskflow/taskflow.hpp>

#include <deque>

struct Engine {
  State state;
  tf::Executor executor;
  std::deque<tf::Taskflow> flows;  // one per slot

  explicit Engine(Job &job) : state(job), executor(job.threads)
  {
    for (U slot = 0; slot < job.slots; ++slot) {
      flows.emplace_back();
      std::vector<tf::Task> tasks;
      for (U a = 0; a < job.algorithms; ++a)
        tasks.push_back(flows.back().emplace([this, slot, a] {
          if (state.perform(slot, a)) state.completed(slot);
        }));
      for (U a = 0; a < job.algorithms; ++a)
        for (uint32_t i = job.outputs_at[a]; i < job.outputs_at[a + 1]; ++i) tasks[a].precede(tasks[job.outputs[i]]);
    }
  }

  void run()
  {
    state.begin();
    for (U slot = 0; slot < state.job.slots; ++slot)
      executor.run_until(flows[slot], [this, slot] { return !state.admit(slot); });
    executor.wait_for_all();
    state.end();
  }
};
