// Single steps, for engines that decide in Python what runs next.
struct Engine {
  State state;
  explicit Engine(Job &job) : state(job) {}
  void run() {}
};

static State &of(void *engine) { return static_cast<Engine *>(engine)->state; }
extern "C" void begin(void *engine) { of(engine).begin(); }
extern "C" void end(void *engine) { of(engine).end(); }
extern "C" int admit(void *engine, U slot) { return of(engine).admit(slot); }
extern "C" int stopped(void *engine) { return of(engine).stop; }

// 0: the run is to end; 1: done; 2: done, and with it the event; 3: and with it all events.
extern "C" int perform(void *engine, U slot, U a)
{
  if (!of(engine).perform(slot, a)) return 0;
  return !of(engine).completed(slot) ? 1 : of(engine).all_done() ? 3 : 2;
}
