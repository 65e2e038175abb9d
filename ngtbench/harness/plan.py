"""From a selection to jobs: what will run, in which order, and what cannot run and why."""

import fnmatch
import random
from dataclasses import replace

from ngtbench import backends, workloads
from ngtbench.analysis.roofline import last_level_cache
from ngtbench.errors import WorkloadError
from ngtbench.harness import ceiling
from ngtbench.model.case import DTYPES, Case, Impl, Job, Plan, Resources, Selection, Skip
from ngtbench.model.machine import Cpu, Device, HardwareProfile, Machine
from ngtbench.model.workload import Workload
from ngtbench.physics.rounding import STORAGE_B
from ngtbench.units import binary_bytes

SUITES = ("quick", "smoke", "full", "all")
_HELD_CPU = 2.5  # inputs, outputs and the oracle's copies share the host's memory
_HELD_GPU = 1.1
_FLUSH = 2  # times the last-level cache: nothing of before is left in it
_AUDIT_SEED = 1_000_003  # between the seeds of an audit: far beyond those of launches


def plan(machine: Machine, selection: Selection) -> Plan:
    """Return every job and every skip, problems shuffled, rivals of a problem side by side.

    An audit puts what it runs around a case before and after it, so that a machine that slows down deceives neither.
    Raises WorkloadError where the selection names something that does not exist, or matches nothing.
    """
    chosen = _choose(selection)
    _check_words(selection, chosen, machine)
    problems: dict[str, list[Job]] = {}
    skipped: list[Skip] = []
    for name, workload in chosen.items():
        for impl in workload.impls:
            if selection.impls and impl.name not in selection.impls:
                continue
            for job in _jobs(name, workload, impl, machine, selection):
                if isinstance(job, Skip):
                    skipped.append(job)
                else:
                    problems.setdefault(f"{job.case.problem} {job.resources.device}", []).append(job)
    if not problems and not skipped:
        raise WorkloadError(f"nothing matches {_describe(selection)}: see `ngtbench list`")
    order = random.Random(selection.seed)
    flush_b = _flushes(machine)
    jobs: list[Job] = []
    for launch in range(selection.launches):
        keys = sorted(problems)
        order.shuffle(keys)
        for key in keys:
            rivals = list(problems[key])
            order.shuffle(rivals)
            for job in rivals:
                own = replace(job, launch=launch, seed=selection.seed + launch, flush_b=flush_b[job.resources.device])
                jobs += _audit(own, chosen[own.case.workload]) if selection.audit else [own]
    return Plan(selection, tuple(jobs), tuple(skipped), order_seed=selection.seed)


def _choose(selection: Selection) -> dict[str, Workload]:
    known = workloads.names(selection.workload_dir)
    wanted = selection.workloads or ("*",)
    names: list[str] = []
    for pattern in wanted:
        hits = [n for n in known if n == pattern or n.split("/")[0] == pattern or fnmatch.fnmatchcase(n, pattern)]
        if not hits:
            raise WorkloadError(f"no workload matches '{pattern}': there are {', '.join(known)}")
        names += [name for name in hits if name not in names]
    return {name: workloads.load(name, selection.workload_dir) for name in names}


def _check_words(selection: Selection, chosen: dict[str, Workload], machine: Machine) -> None:
    sizes = {size for workload in chosen.values() for size in workload.sizes}
    impls = {impl.name for workload in chosen.values() for impl in workload.impls}
    dtypes = {dtype for workload in chosen.values() for dtype in workload.tolerance}
    for kind, words, known in (
        ("suite", (selection.suite,), set(SUITES)),
        ("size", selection.sizes, sizes),
        ("dtype", selection.dtypes, dtypes),
        ("implementation", selection.impls, impls),
        ("device", selection.devices, {device.id for device in machine.devices}),
    ):
        for word in words:
            if word not in known:
                raise WorkloadError(f"no {kind} '{word}' in {', '.join(chosen)}: there are {', '.join(sorted(known))}")
    for name, workload in chosen.items():
        for impl in workload.impls:
            if impl.backend not in backends.names() or any(d not in DTYPES for d in (*workload.tolerance, *impl.dtypes)):
                raise WorkloadError(f"{name}: implementation {impl.name}: backends are {backends.names()}, dtypes {DTYPES}")


def _jobs(name: str, workload: Workload, impl: Impl, machine: Machine, selection: Selection) -> list[Job | Skip]:
    """Return a job or a skip per size, dtype and device this implementation is for."""
    dtypes = [d for d in (impl.dtypes or workload.tolerance) if not selection.dtypes or d in selection.dtypes]
    able = [device for device in machine.devices if impl.runs_on(device.kind)]
    devices = [device for device in able if not selection.devices or device.id in selection.devices]
    made: list[Job | Skip] = []
    for dtype in dtypes:
        if not able:
            made += _without_device(name, workload, impl, dtype, machine, selection)
        for device in devices:
            for size in _sizes(workload, device.kind, selection):
                case = Case(name, workload.version, size, impl.name, dtype)
                made.append(_job(case, workload, impl, device, machine.cpu, selection))
    return made


def _without_device(
    name: str, workload: Workload, impl: Impl, dtype: str, machine: Machine, selection: Selection
) -> list[Job | Skip]:
    if selection.devices:
        return []
    wanted = " or ".join(impl.devices).replace("gpu", "cuda or rocm")
    why = "; ".join(f"{key.removeprefix('gpus.')}: {text}" for key, text in machine.missing.items() if key.startswith("gpus"))
    threads = _threads(machine.cpu, selection)
    return [
        Skip(Case(name, workload.version, size, impl.name, dtype), Resources(f"{impl.devices[0]}:0", threads, False), reason)
        for size in _sizes(workload, "gpu", selection)
        for reason in [f"no {wanted} device on this machine" + (f" ({why})" if why else "")]
    ]


def _job(case: Case, workload: Workload, impl: Impl, device: Device, cpu: Cpu, selection: Selection) -> Job | Skip:
    resources = Resources(device.id, _threads(cpu, selection), bind=device.kind == "cpu" and workload.repeat == "calls")
    package = backends.missing(impl.backend, impl.needs)
    if package is not None:
        return Skip(case, resources, f"package {package} is not installed", backends.remedy(package))
    work = workload.work(workloads.size(workload, case.size), STORAGE_B[case.dtype])
    room = cpu.usable_memory_b if device.kind == "cpu" else device.memory_b
    needed = int(work.memory_b * (_HELD_CPU if device.kind == "cpu" and workload.repeat == "calls" else _HELD_GPU))
    if room is not None and needed > room:
        reason = f"needs {binary_bytes(needed)} of memory, {device.id} has {binary_bytes(room)}"
        return Skip(case, resources, reason, "choose a smaller --size")
    return Job(case, resources, impl.backend, impl.tier, 0, selection.seed, impl.traffic)


def _sizes(workload: Workload, kind: str, selection: Selection) -> tuple[str, ...]:
    if selection.sizes:
        return tuple(size for size in workload.sizes if size in selection.sizes)
    if selection.suite == "smoke":
        return ("XS",) if "XS" in workload.sizes else tuple(workload.sizes)[:1]
    if selection.suite == "all":
        return tuple(workload.sizes)
    if selection.suite == "full":
        return workload.full or tuple(workload.sizes)
    quick = workload.quick if kind == "cpu" else workload.quick_gpu
    if not quick:
        return ()
    return tuple(size for size in quick if size in workload.sizes) or tuple(workload.sizes)[:1]


def _threads(cpu: Cpu, selection: Selection) -> int:
    """Return one thread per usable core, for SMT siblings share the units that are measured."""
    if selection.threads is not None:
        return selection.threads
    siblings = max(1, cpu.threads // cpu.cores) if cpu.smt and cpu.cores else 1
    return max(1, cpu.usable_threads // siblings)


def _audit(job: Job, workload: Workload) -> list[Job]:
    """Return the job in the midst of those near it, each with a seed of its own."""
    near = [
        replace(job, case=replace(job.case, size=size), seed=job.seed + _AUDIT_SEED * number)
        for number, size in enumerate(workloads.around(workload, job.case.size), start=1)
    ]
    return [*near[: len(near) // 2], job, *near[len(near) // 2 :]]


def _flushes(machine: Machine) -> dict[str, int | None]:
    """Return the bytes that must be written to empty each device's caches."""
    sheets = ceiling.sheets(machine)
    found = {device.id: _cache_b(device, sheets.get(device.id)) for device in machine.devices}
    return {device: None if cache_b is None else _FLUSH * cache_b for device, cache_b in found.items()}


def _cache_b(device: Device, sheet: HardwareProfile | None) -> int | None:
    """Return the last-level cache: as discovered, for a guest sees its share and two sockets have two; else by the data sheet."""
    found, _ = last_level_cache(device, sheet)
    if found is None and isinstance(device, Cpu):
        size = sheet.last_level_cache_b.value if sheet else None
        if size is not None:
            return int(size) * (device.sockets or 1)
        if device.caches and not device.hypervisor:  # a guest's level 3 may be hidden, a small processor has none
            last = max(cache.level for cache in device.caches)
            return sum(cache.size_b * cache.instances for cache in device.caches if cache.level == last)
    return found


def _describe(selection: Selection) -> str:
    words = {"workloads": selection.workloads, "sizes": selection.sizes, "dtypes": selection.dtypes, "impls": selection.impls}
    return ", ".join(f"{name} {'/'.join(value)}" for name, value in words.items() if value) or f"suite {selection.suite}"
