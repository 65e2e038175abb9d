"""One case under a profiler of the system: which one is here, how it is called, how its file is opened."""

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from ngtbench.errors import BadInput, Unavailable, WorkloadError
from ngtbench.model.case import Job, Plan, Selection

_REPORT_LIMIT_S = 120.0
_PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")


@dataclass(frozen=True)
class Profiler:
    """A program that watches a worker: its command before the worker's, the file it writes, how to look at that."""

    name: str
    prefix: tuple[str, ...]
    file: Path
    opens: str
    more: str = ""  # what goes deeper


def narrow(case: str, selection: Selection) -> Selection:
    """Return the selection of this case id alone.

    Raises BadInput where cases are chosen otherwise too, WorkloadError where the id does not read like one.
    """
    if selection.workloads or selection.sizes or selection.dtypes or selection.impls or selection.launches > 1 or selection.audit:
        raise BadInput(f"--profile {case} names the one case: leave out workloads, --size, --dtype, --impl, --launches, --audit")
    name, _, rest = case.partition("@")
    parts = rest.split("/")
    if len(parts) != 4:
        raise WorkloadError(f"--profile {case}: no case id: write one as printed, such as system/triad@1/M/numpy/float64")
    _, size, impl, dtype = parts
    return replace(selection, workloads=(name,), sizes=(size,), impls=(impl,), dtypes=(dtype,))


def only(planned: Plan, case: str) -> Job:
    """Return the one job of the plan.

    Raises Unavailable where the case cannot run here, WorkloadError where its version is another or several devices run it.
    """
    ids = {job.case.id for job in planned.jobs} | {skip.case.id for skip in planned.skipped}
    if case not in ids:
        raise WorkloadError(f"--profile {case}: this version of ngtbench has {' and '.join(sorted(ids))}")
    if not planned.jobs:
        raise Unavailable(f"{case} cannot run here: {planned.skipped[0].reason}", planned.skipped[0].remedy)
    if len(planned.jobs) > 1:
        devices = " and ".join(job.resources.device for job in planned.jobs)
        raise WorkloadError(f"--profile {case}: runs on {devices}: choose one with --device")
    return planned.jobs[0]


def find(job: Job, stem: Path) -> Profiler:
    """Return the profiler for the job's device; it writes files that begin with `stem`.

    Raises Unavailable where none is installed, or none is permitted.
    """
    return {"cpu": _perf, "cuda": _nsys, "rocm": _rocprof}[job.resources.device.partition(":")[0]](job, stem)


def hottest(profiler: Profiler, lines: int = 10) -> list[str]:
    """Return the first lines of perf's own report; none of other profilers, or where it has none."""
    if profiler.name != "perf":
        return []
    words = [profiler.prefix[0], "report", "--stdio", "--no-children", "-g", "none", "-i", str(profiler.file)]
    try:
        ended = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=_REPORT_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return []
    return [line.rstrip() for line in ended.stdout.splitlines() if line.strip() and not line.startswith("#")][:lines]


def _perf(job: Job, stem: Path) -> Profiler:
    perf = shutil.which("perf")
    if perf is None:
        remedy = "install your distribution's package: linux-perf (Debian), linux-tools-$(uname -r) (Ubuntu), perf (Red Hat)"
        raise Unavailable("perf is not on PATH", remedy)
    trial = subprocess.run([perf, "record", "-g", "-o", "/dev/null", "--", "true"], capture_output=True, text=True, check=False)
    if trial.returncode != 0:
        said = next((line.strip() for line in trial.stderr.splitlines() if line.strip()), f"exit code {trial.returncode}")
        level = _PARANOID.read_text().strip() if _PARANOID.exists() else "unknown"
        remedy = f"sysctl kernel.perf_event_paranoid=2 (here {level}), or CAP_PERFMON; containers must also allow perf_event_open"
        raise Unavailable(f"perf may not watch here: {said}", remedy)
    file = Path(f"{stem}.perf.data")
    return Profiler("perf", (perf, "record", "-g", "-o", str(file), "--"), file, f"perf report -i {file}")


def _nsys(job: Job, stem: Path) -> Profiler:
    nsys = shutil.which("nsys")
    if nsys is None:
        raise Unavailable("nsys is not on PATH", "install NVIDIA Nsight Systems (nsight-systems-cli)")
    file, case = Path(f"{stem}.nsys-rep"), job.case
    again = f"ngtbench run {case.workload} --size {case.size} --impl {case.impl} --dtype {case.dtype}"
    deeper = (
        f"ncu --target-processes all -o {stem} {again} --device {job.resources.device} --budget 0.1s --output {stem}.ncu.jsonl"
    )
    more = f"inside its kernels: {deeper} (kernels are replayed: throw those records away)"
    return Profiler("nsys", (nsys, "profile", "-o", str(stem)), file, f"nsys stats {file}, or nsys-ui {file}", more)


def _rocprof(job: Job, stem: Path) -> Profiler:
    folder = Path(f"{stem}.rocprof")
    if newer := shutil.which("rocprofv3"):
        prefix = (newer, "--sys-trace", "--output-format", "pftrace", "-d", str(folder), "-o", "case", "--")
        return Profiler("rocprofv3", prefix, folder, f"the .pftrace file in {folder}, in Perfetto (ui.perfetto.dev)")
    if older := shutil.which("rocprof"):
        file = Path(f"{stem}.rocprof.csv")
        return Profiler("rocprof", (older, "--stats", "-o", str(file)), file, f"{file.with_suffix('.stats.csv')}, a table")
    raise Unavailable("neither rocprofv3 nor rocprof is on PATH", "install ROCm's rocprofiler-sdk, and add /opt/rocm/bin to PATH")
