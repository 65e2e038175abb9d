"""From a case to something that may be timed: inputs made, implementation built, result judged."""

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ngtbench import backends, workloads
from ngtbench.errors import Unavailable, WorkloadError
from ngtbench.harness import blocked
from ngtbench.harness.clients import Company
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.validate import Checker
from ngtbench.model.case import Case, Impl, Resources, Work
from ngtbench.model.record import Verdict
from ngtbench.model.workload import Backend, Run, Setup, Trial, Workload
from ngtbench.physics.rounding import STORAGE_B

T = TypeVar("T")
OTHER_SEED = 1_000_003  # far from the seeds of other launches
_SECOND_COPY_B = 1 << 30  # a live input larger than this is not made twice: cases may fill their device


@dataclass(frozen=True)
class Prepared:
    """A case ready to be timed, and the verdict on its first result."""

    case: Case
    workload: Workload
    run: Callable[..., Any]  # () -> outputs, or (k, watch) -> Trial
    check: Callable[[Any], Verdict]
    glance: Callable[[Any], Verdict]  # a cheaper check, for results in between
    backend: Backend
    work: Work
    build_s: float
    variant: str | None
    verdict: Verdict
    changed: Callable[[], Callable[[Any], Verdict]] | None = None  # give live inputs other values; return the check for them
    moved: Callable[[], bool] | None = None  # move live inputs by an element; False where that changes none
    batches: Callable[[int], Run] | None = None  # make a run of another number of events
    compile_s: float | None = None
    proof_s: float = 0.0  # what changing them and judging again will take: what making inputs and the first check took


class _Told:
    """What an implementation tells while it is built; what it tells later, of calls of other numbers of events, is not kept."""

    def __init__(self) -> None:
        self.kept = dict[str, list[Any]](say=[], batches=[], packs=[], compiled=[])
        self._open = True

    def keepers(self) -> dict[str, Any]:
        """Return what takes things, by the names of Setup."""
        return {name: partial(self._keep, things) for name, things in self.kept.items()}

    def _keep(self, things: list[Any], thing: Any) -> None:
        if self._open:
            things.append(thing)

    def closed(self) -> tuple[list[Any], ...]:
        """Take nothing any more; return what was told, in the order of Setup."""
        self._open = False
        return tuple(self.kept.values())


class Stopwatch:
    """The watch of a trial: device idle at both ends, or what `wait` waits for; `around` is open as long as it is."""

    def __init__(
        self,
        backend: Backend,
        around: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
        wait: Callable[[], None] | None = None,
    ) -> None:
        self._wait, self._around = wait or backend.synchronise, around
        self.spent_s = 0.0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Time the block."""
        self._wait()
        with self._around():
            start = time.perf_counter_ns()
            yield
            self._wait()
            self.spent_s += (time.perf_counter_ns() - start) * 1e-9


def prepare(case: Case, resources: Resources, seed: int, folder: str | None = None) -> Prepared:
    """Load, make inputs, build, run once and judge.

    Raises WorkloadError for what is wrong with the case or its files, Unavailable for what this machine lacks.
    """
    workload = workloads.load(case.workload, folder)
    impl = _impl(workload, case)
    workload = replace(workload, tolerance={**workload.tolerance, **dict(impl.tolerance)})
    size = workloads.size(workload, case.size)
    build = resolve(impl.entry, workload, folder)
    backend = backends.load(impl.backend, resources.device, resources.threads)
    given = workload.inputs(size, seed)
    workload = replace(workload, live=tuple(name for name in workload.live if name in given))
    inputs = HostInputs(given, case.dtype)
    told = _Told()
    clients = partial(Company, device=resources.device, seed=seed, threads=resources.threads, folder=folder)
    setup = Setup(size, case.dtype, resources.device, resources.threads, seed, backend, clients=clients, **told.keepers())
    arrays, made_s = _timed(backend, lambda: inputs.on(backend))
    run, build_s = _timed(backend, lambda: build(setup, **arrays))
    said, makes, packs, compile_s = told.closed()
    first, _ = _timed(backend, lambda: run(0, Stopwatch(backend)) if workload.repeat == "trials" else run())
    outputs = first.outputs if isinstance(first, Trial) else first
    checker = Checker(workload, case.size, inputs, backend)
    verdict, check_s = _timed(backend, lambda: checker.check(outputs))
    if workload.repeat == "calls" and verdict.passed:
        poison(backend, outputs)  # a cached answer cannot pass the check after timing

    twice = max((arrays[name].nbytes for name in workload.live), default=0) <= _SECOND_COPY_B
    return Prepared(
        case=case,
        workload=workload,
        run=run,
        check=checker.check,
        glance=checker.glance,
        backend=backend,
        work=workload.work(size, STORAGE_B[case.dtype]),
        build_s=build_s,
        variant="; ".join(dict.fromkeys(said)) or None,
        verdict=verdict,
        changed=partial(_change, workload, case, seed, inputs, arrays, backend, packs) if twice else None,
        moved=partial(_move, workload, inputs, arrays, backend, packs) if twice else None,
        batches=makes[-1] if makes else None,
        compile_s=sum(compile_s) if compile_s else None,
        proof_s=made_s + check_s,
    )


def poison(backend: Backend, outputs: Any) -> None:
    """Overwrite outputs, so that what is left of them cannot pass a check; done before work on any stream begins."""
    for array in outputs.values() if isinstance(outputs, Mapping) else ():
        if blocked.holds(backend, array):
            blocked.poison(backend, array)
    backend.synchronise()


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


def _timed(backend: Backend, make: Callable[[], T]) -> tuple[T, float]:
    """Return what is made, and the seconds until the device is idle again."""
    start = time.perf_counter_ns()
    made = make()
    backend.synchronise()
    return made, (time.perf_counter_ns() - start) * 1e-9


def _change(
    workload: Workload,
    case: Case,
    seed: int,
    inputs: HostInputs,
    arrays: Mapping[str, Any],
    backend: Backend,
    packs: Sequence[Callable[[], None]],
) -> Callable[[Any], Verdict]:
    """Give live inputs the values of another seed, and have packed copies renewed; return the check for them."""
    other = HostInputs(workload.inputs(workloads.size(workload, case.size), seed + OTHER_SEED), case.dtype)
    for name in workload.live:
        backend.copy(arrays[name], other.on(backend, (name,))[name])
    for pack in packs:
        pack()
    backend.synchronise()
    return Checker(workload, case.size, inputs.with_others(other, workload.live), backend).check


def _move(
    workload: Workload, inputs: HostInputs, arrays: Mapping[str, Any], backend: Backend, packs: Sequence[Callable[[], None]]
) -> bool:
    """Move live inputs by one along their first axis, one row along itself, numbers up by one; tell whether any changed."""
    changed = False
    for name in workload.live:
        host = backend.get(arrays[name])
        moved = np.roll(host, 1, axis=0 if len(host) > 1 else None) if host.ndim and host.size > 1 else host + 1
        changed |= not np.array_equal(moved, host)
        backend.copy(arrays[name], backend.put(moved.astype(host.dtype), inputs.dtype))
    for pack in packs:
        pack()
    backend.synchronise()
    return changed


def _impl(workload: Workload, case: Case) -> Impl:
    for impl in workload.impls:
        if impl.name == case.impl:
            return impl
    raise WorkloadError(f"{case.id}: no implementation '{case.impl}': there are {[impl.name for impl in workload.impls]}")
