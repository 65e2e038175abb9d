extern "C" void *prepare(Job *job) { return new Engine(*job); }
extern "C" void run(void *engine) { static_cast<Engine *>(engine)->run(); }
extern "C" void dispose(void *engine) { delete static_cast<Engine *>(engine); }
