"""One case in one worker: prepared, measured, and how it ended."""

from ngtbench.errors import RecordError
from ngtbench.harness.launch import Worker
from ngtbench.model.case import Job, plain
from ngtbench.model.record import Outcome
from ngtbench.store import codec

_MEASURE_SLACK = 10.0  # a case may take this many times its budget before it counts as hung


def attempt(
    worker: Worker, job: Job, *, budget_s: float, timeout_s: float, workloads: str | None = None, slower: float = 0.0
) -> Outcome:
    """Prepare and measure a case; `slower` injects a slowdown of this share, for tests of the gate.

    Raises WorkerDied where the worker ends, hangs, or answers with what is no outcome; it is of no use then.
    """
    prepare = {"do": "prepare", "case": plain(job.case), "resources": plain(job.resources)}
    answer = worker.ask(prepare | {"seed": job.seed, "workloads": workloads}, timeout_s)
    if "prepared" in answer:
        measure = {"do": "measure", "budget_s": budget_s, "flush_b": job.flush_b}
        if slower:
            measure["slower"] = slower
        answer = worker.ask(measure, max(timeout_s, _MEASURE_SLACK * budget_s))
    try:
        return codec.outcome(answer["outcome"])
    except (RecordError, LookupError, TypeError) as error:  # JSON, but of another form
        raise worker.useless(f"the worker's answer fits no record: {ascii(str(error))[:300]}") from error
