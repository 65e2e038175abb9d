// oneTBB's flow graph, in the best order that its priorities give: a graph of continue_nodes per slot, fed event after event.
// Of what is ready the highest upward rank goes first. Events begin in turn, where nothing else is ready: else a new one overtakes
// those that have but their last algorithms left.
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <deque>

struct Engine {
  typedef tbb::flow::continue_msg Message;
  typedef tbb::flow::continue_node<Message> Node;
  typedef tbb::flow::function_node<U> Turns;
  static constexpr tbb::flow::node_priority_t LEAST = 1;  // 0 is none, and such a node does not wait for others

  State state;
  tbb::task_arena arena;
  std::unique_ptr<tbb::flow::graph> graph;
  std::unique_ptr<Turns> turns;  // of slots whose event is to begin
  std::deque<Node> nodes;        // [slot][algorithm]

  explicit Engine(Job &job) : state(job), arena(int(job.threads))
  {
    arena.execute([this] { graph.reset(new tbb::flow::graph); });
    turns.reset(new Turns(*graph, tbb::flow::serial, [this](U slot) { begin(slot); }, LEAST));
    for (U slot = 0; slot < job.slots; ++slot) {
      for (U a = 0; a < job.algorithms; ++a)
        nodes.emplace_back(*graph, [this, slot, a](const Message &) { task(slot, a); },
                           tbb::flow::node_priority_t(LEAST + job.algorithms - a));
      for (U a = 0; a < job.algorithms; ++a)
        for (uint32_t i = job.outputs_at[a]; i < job.outputs_at[a + 1]; ++i)
          tbb::flow::make_edge(node(slot, a), node(slot, job.outputs[i]));
    }
  }

  Node &node(U slot, U a) { return nodes[slot * state.job.algorithms + a]; }

  void run()
  {
    tbb::global_control most(tbb::global_control::max_allowed_parallelism, state.job.threads);
    state.begin();
    arena.execute([this] {
      for (U slot = 0; slot < state.job.slots; ++slot) start(slot);
      graph->wait_for_all();
      if (state.stop) graph->reset();  // counts of inputs too
    });
    state.end();
  }

  void start(U slot)
  {
    if (state.admit(slot)) turns->try_put(slot);
  }

  void begin(U slot)
  {
    for (const uint32_t a : state.sources) node(slot, a).try_put(Message());
  }

  void task(U slot, U a)
  {
    if (!state.perform(slot, a)) graph->cancel();
    else if (state.completed(slot)) start(slot);
  }
};
