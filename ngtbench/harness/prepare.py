"""From a case to something that may be timed: inputs made, implementation built, result judged."""

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ngtbench import backends, workloads
from ngtbench.errors import Unavailable, WorkloadError
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.validate import Checker
from ngtbench.model.case import Case, Impl, Resources, Work
from ngtbench.model.record import Verdict
from ngtbench.model.workload import Backend, Setup, Trial, Workload
from ngtbench.physics.rounding import STORAGE_B

OTHER_SEED = 1_000_003  # far from the seeds of other launches


@dataclass(frozen=True)
class Prepared:
    """A case ready to be timed, and the verdict on its first result."""

    case: Case
    workload: Workload
    run: Callable[..., Any]  # () -> outputs, or (k, watch) -> Trial
    check: Callable[[Any], Verdict]
    backend: Backend
    work: Work
    build_s: float
    variant: str | None
    verdict: Verdict
    check_s: float = 0.0  # what the first check took
    changed: Callable[[], Callable[[Any], Verdict]] | None = None  # give live inputs other values; return the check for them


class Stopwatch:
    """The watch of a trial: device idle at both ends."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.spent_s = 0.0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Time the block."""
        self._backend.synchronise()
        start = time.perf_counter_ns()
        yield
        self._backend.synchronise()
        self.spent_s += (time.perf_counter_ns() - start) * 1e-9


def prepare(case: Case, resources: Resources, seed: int, folder: str | None = None) -> Prepared:
    """Load, make inputs, build, run once and judge.

    Raises WorkloadError for what is wrong with the case or its files, Unavailable for what this machine lacks.
    """
    workload = workloads.load(case.workload, folder)
    impl = _impl(workload, case)
    size = workloads.size(workload, case.size)
    build = resolve(impl.entry, workload, folder)
    backend = backends.load(impl.backend, resources.device, resources.threads)
    inputs = HostInputs(workload.inputs(size, seed), case.dtype)
    said: list[str] = []
    setup = Setup(size, case.dtype, resources.device, resources.threads, seed, backend, say=said.append)
    arrays = inputs.on(backend)
    backend.synchronise()
    start = time.perf_counter_ns()
    run = build(setup, **arrays)
    backend.synchronise()
    build_s = (time.perf_counter_ns() - start) * 1e-9
    checker = Checker(workload, case.size, inputs, backend)
    first = run(0, Stopwatch(backend)) if workload.repeat == "trials" else run()
    backend.synchronise()
    outputs = first.outputs if isinstance(first, Trial) else first
    start = time.perf_counter_ns()
    verdict = checker.check(outputs)
    check_s = (time.perf_counter_ns() - start) * 1e-9
    if workload.repeat == "calls":
        poison(backend, outputs)  # a cached answer cannot pass the check after timing

    def changed() -> Callable[[Any], Verdict]:
        other = HostInputs(workload.inputs(size, seed + OTHER_SEED), case.dtype)
        for name, source in other.on(backend, workload.live).items():
            backend.copy(arrays[name], source)
        backend.synchronise()
        return Checker(workload, case.size, inputs.with_others(other, workload.live), backend).check

    return Prepared(
        case=case,
        workload=workload,
        run=run,
        check=checker.check,
        backend=backend,
        work=workload.work(size, STORAGE_B[case.dtype]),
        build_s=build_s,
        variant="; ".join(dict.fromkeys(said)) or None,
        verdict=verdict,
        check_s=check_s,
        changed=changed if workload.live and checker.kind == "full" else None,
    )


def poison(backend: Backend, outputs: Any) -> None:
    """Overwrite outputs, so that what is left of them cannot pass a check."""
    for array in outputs.values() if isinstance(outputs, Mapping) else ():
        backend.poison(array)


def resolve(entry: str, workload: Workload, folder: str | None) -> Callable[..., Any]:
    """Return the build function of an entry "module:function".

    A user's entry is looked up in the folder of his workloads first, then, like ours, below `ngtbench.kernels`.
    Raises WorkloadError where there is none, or where it is the oracle itself.
    """
    name, _, function = entry.partition(":")
    module: Any
    own = Path(folder, *name.split(".")).with_suffix(".py") if folder else None
    if own is not None and own.is_file():
        module = workloads.from_file(own)
    else:
        try:
            module = importlib.import_module(f"ngtbench.kernels.{name}")
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("ngtbench"):
                raise WorkloadError(f"entry '{entry}': there is no kernel module {error.name}") from error
            raise Unavailable(f"package {error.name} is not installed", f"pip install {error.name}") from error
    build = getattr(module, function, None)
    if not callable(build):
        raise WorkloadError(f"entry '{entry}': {module.__file__} has no function '{function}'")
    if build is workload.reference:
        raise WorkloadError(f"entry '{entry}': the oracle cannot be an implementation: it would judge itself")
    found: Callable[..., Any] = build
    return found


def _impl(workload: Workload, case: Case) -> Impl:
    for impl in workload.impls:
        if impl.name == case.impl:
            return impl
    raise WorkloadError(f"{case.id}: no implementation '{case.impl}': there are {[impl.name for impl in workload.impls]}")
