"""Door of asv: a class per workload, its case id the one parameter; each case is measured in a worker of its own.

asv imports this in every process it starts, so what takes time to import is imported where it is needed.
"""

import fnmatch
import math
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from ngtbench.errors import NgtBenchError, WorkloadError
from ngtbench.model.case import Case, Job, Resources, Selection, Skip

if TYPE_CHECKING:
    from ngtbench.model.machine import Machine
    from ngtbench.model.record import Outcome

CASES = "NGTBENCH_ASV_CASES"  # variable with globs of case ids: these, of any size, instead of the quick suite's
ROUNDS = 2  # processes asv starts per case
TIMEOUT_S = 600.0
MOST_SAMPLES = 500  # per process: `asv compare` compares every sample with every other


class Door:
    """What asv and pytest find in a file of `benchmarks/`; `door` makes one per workload."""

    workload: ClassVar[str]
    param_names: ClassVar[list[str]] = ["case"]
    unit = "seconds"  # asv scales and labels this word, not "s"
    timeout = TIMEOUT_S

    @property
    def params(self) -> list[list[str]]:
        """Return the case ids: what is declared, not what runs here, for asv shows all machines on one list."""
        return [cases(self.workload)]  # a list in a list: of an empty one asv then runs nothing

    @property
    def version(self) -> str:
        """Return the workload's version; asv keeps results of different versions apart."""
        from ngtbench import workloads

        return str(workloads.load(self.workload).version)

    def setup(self, case: str) -> None:
        """Find where the case runs on this machine.

        Raises NotImplementedError, asv's word for skipped, where it cannot.
        """
        from ngtbench.discover.machine import discover

        self._machine = discover()
        found = where(case, self._machine)
        if isinstance(found, Skip):
            raise NotImplementedError(f"{case}: {found.reason}")
        self._job = found

    def track_wall(self, case: str) -> dict[str, Any]:
        """Return raw samples of the figure of merit, seconds per call.

        Raises NgtBenchError where the result is wrong or the case failed, so that asv shows it as failed.
        """
        outcome = _measured(self._job, self._machine)
        if outcome.status == "skipped":
            from asv_runner.benchmarks.mark import SkipNotImplemented

            raise SkipNotImplemented(f"{case}: {outcome.reason}")
        if outcome.measurement is None:
            raise NgtBenchError(f"{case}: {outcome.status}: {outcome.reason}")
        samples = outcome.measurement.series[outcome.metrics[0].name]
        return {"samples": list(samples[:: math.ceil(len(samples) / MOST_SAMPLES)]), "number": 1}

    track_wall.__dict__["rounds"] = ROUNDS  # asv looks for it on the function


def door(workload: str) -> type[Door]:
    """Return the class of a workload; name it in CamelCase, as asv looks it up by that name."""
    name = "".join(word.capitalize() for word in workload.rpartition("/")[2].split("_"))
    return type(name, (Door,), {"workload": workload, "__doc__": f"{workload} in all its implementations."})


def cases(workload: str) -> list[str]:
    """Return the case ids of the quick suite on any machine, or those that the variable CASES selects.

    Raises WorkloadError where there is no such workload.
    """
    from ngtbench import workloads

    declared, chosen = workloads.load(workload), os.environ.get(CASES, "").split()
    found = []
    for impl in declared.impls:
        kinds = {"cpu": declared.quick, "cuda": declared.quick_gpu, "rocm": declared.quick_gpu}
        quick = [size for kind, sizes in kinds.items() if impl.runs_on(kind) for size in sizes]
        for dtype in impl.dtypes or declared.tolerance:
            for size in declared.sizes:
                case = Case(workload, declared.version, size, impl.name, dtype).id
                if any(fnmatch.fnmatchcase(case, glob) for glob in chosen) if chosen else size in quick:
                    found.append(case)
    return found


def where(case: str, machine: "Machine") -> Job | Skip:
    """Return the job of a case id on this machine, on the first GPU rather than the CPU, or why it is skipped.

    Raises WorkloadError where the id names something that does not exist.
    """
    from ngtbench import workloads
    from ngtbench.harness.plan import plan
    from ngtbench.report.wording import unit

    asked = parse(case)
    sizes = (asked.size,) if os.environ.get(CASES) else ()  # the quick suite's sizes depend on the device
    chosen = Selection(workloads=(asked.workload,), impls=(asked.impl,), dtypes=(asked.dtype,), sizes=sizes)
    nowhere = Skip(asked, Resources("gpu:0", 1, False), "no GPU on this machine, and the quick suite runs this size on one")
    merit = workloads.load(asked.workload).metrics[0]
    if unit(merit.name) != "s":
        return replace(nowhere, reason=f"its figure of merit, {merit.name}, is no time")
    planned = plan(machine, chosen)
    jobs = [job for job in planned.jobs if job.case.id == case]
    skips = [skip for skip in planned.skipped if skip.case.id == case]
    return min(
        jobs, key=lambda job: (job.resources.device.startswith("cpu"), job.resources.device), default=(skips or [nowhere])[0]
    )


def parse(case: str) -> Case:
    """Return the case of an id.

    Raises WorkloadError where it is none.
    """
    found = re.fullmatch(r"([^@]+)@(\d+)/([^/]+)/([^/]+)/([^/]+)", case)
    if found is None:
        raise WorkloadError(f"'{case}' is no case id such as system/triad@1/M/numpy/float64: see `ngtbench list`")
    workload, version, size, impl, dtype = found.groups()
    return Case(workload, int(version), size, impl, dtype)


def _measured(job: Job, machine: "Machine") -> "Outcome":
    """Measure a job in a fresh worker; what exceeds the data sheet has failed.

    Raises WorkerDied where the worker ends or hangs.
    """
    from ngtbench.harness import ceiling
    from ngtbench.harness.attempt import attempt
    from ngtbench.harness.launch import Worker

    worker = Worker(job.resources.threads, job.resources.bind)
    try:
        outcome = attempt(worker, job, budget_s=Selection().budget_s, timeout_s=0.9 * TIMEOUT_S)
        return ceiling.of(machine)(job, outcome)
    finally:
        worker.close()
