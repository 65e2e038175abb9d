// No scheduling at all: one thread, one event after the other, algorithms in the order of their numbers.
struct Engine {
  State state;
  explicit Engine(Job &job) : state(job) {}

  void run()
  {
    state.begin();
    while (state.admit(0))
      for (U a = 0; a < state.job.algorithms && state.perform(0, a); ++a) state.completed(0);
    state.end();
  }
};
