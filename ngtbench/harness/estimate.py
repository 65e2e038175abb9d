"""About how long a plan will take: a guess from budgets and declarations, made before anything runs."""

from ngtbench import workloads
from ngtbench.model.case import Job, Plan
from ngtbench.model.workload import Workload

# The quick suite took 3 min 35 s for 104 cases of 2 s each on two processors: most are known well enough before their 2 s end.
_START_S = 3.0  # a worker, once per backend and launch
_AROUND_S = 0.5  # inputs, building and the oracle
_CALLS = 0.8  # of the budget
_COMPILED_S = {"torch-compile": 6.0, "torch-aoti": 12.0}  # as seen for DeepSets, beside other work


def seconds(plan: Plan) -> float:
    """Return the sum over all jobs, and a worker's start for each backend, device and launch."""
    known = {name: workloads.load(name, plan.selection.workload_dir) for name in {job.case.workload for job in plan.jobs}}
    workers = {(job.launch, job.backend, job.resources) for job in plan.jobs}
    return _START_S * len(workers) + sum(_job_s(job, known[job.case.workload], plan.selection.budget_s) for job in plan.jobs)


def _job_s(job: Job, workload: Workload, budget_s: float) -> float:
    built_s = _AROUND_S + _COMPILED_S.get(job.case.impl, 0.0)
    if workload.repeat == "calls":
        return built_s + _CALLS * budget_s
    size, kind = workloads.size(workload, job.case.size), "cpu" if job.resources.device.startswith("cpu") else "gpu"
    trial_s = workload.takes_s(size, kind) if workload.takes_s else 0.0
    return built_s + trial_s + max(budget_s, workload.least * trial_s)
