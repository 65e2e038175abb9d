"""Results in the layout of the HEPiX benchmark suite's result JSON, version 2.2, so that its tools and archives take them.

Of that layout: `_id`, `_timestamp`, `_timestamp_end`, `json_version`, `host` (hostname, ip, tags, SW, HW), `suite`, `plugins`,
`profiles`. The profile is `ngtbench`, with the keys of `hepscore` where both mean the same; it has no score, which would need a
reference machine. Unknown words are "not_available" and unknown numbers -1, as there.
"""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from ngtbench import __version__
from ngtbench.errors import BadInput
from ngtbench.model.comparison import Result
from ngtbench.model.machine import Cpu, Gpu, Machine
from ngtbench.model.record import RunRecord
from ngtbench.report import wording
from ngtbench.report.systems import System

VERSION = "v2.2"  # of the layout
_ABSENT = "not_available"


def document(system: System) -> dict[str, Any]:
    """Return the document of a system on one host, which is what the layout is of.

    Raises BadInput where no record says when it was made.
    """
    host = system.machine.host.hostname
    times = [span for run in system.runs if (span := _span(run)) is not None]
    if not times:
        where = f"{system.label[:60]} on host {host[:60]}"
        raise BadInput(f"{where}: no record says when it was made, in ISO 8601: a HEPiX JSON needs a time")
    files = "".join(sorted(reading.sha256 for reading in system.readings))  # which may hold other hosts and systems too
    return {
        "_id": str(uuid.UUID(bytes=hashlib.sha256(f"{files}{system.label}{host}".encode()).digest()[:16], version=4)),
        "_timestamp": _utc(min(start for start, _ in times)),
        "_timestamp_end": _utc(max(end for _, end in times)),
        "json_version": VERSION,
        "host": _host(system),
        "suite": _suite(system.runs),
        "plugins": {},
        "profiles": {"ngtbench": _profile(system)},
    }


def _span(run: RunRecord) -> tuple[datetime, datetime] | None:
    """Return when a record was begun and ended; None where it does not say so in ISO 8601."""
    try:
        start = datetime.fromisoformat(run.provenance.started_at)
        start = (start if start.tzinfo else start.replace(tzinfo=UTC)).astimezone(UTC)
        return start, start + timedelta(seconds=run.provenance.wall_s)
    except (ValueError, OverflowError):
        return None


def _utc(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _host(system: System) -> dict[str, Any]:
    machine = system.machine
    tags = {"system": system.label, "synthetic": str(system.synthetic).lower()}
    return {
        "hostname": machine.host.hostname,
        "ip": _ABSENT,  # never read
        "tags": tags,
        "SW": {
            "python_version": machine.packages.get("python", _ABSENT),
            "platform": f"{machine.host.system}-{machine.host.kernel}-{machine.cpu.arch}",
            "os_version": machine.host.distribution or _ABSENT,
            "glibc_version": machine.host.libc or _ABSENT,
            "compilers": dict(machine.compilers),
            "packages": dict(machine.packages),
        },
        "HW": _hardware(machine),
    }


def _hardware(machine: Machine) -> dict[str, Any]:
    none = dict.fromkeys(("Manufacturer", "Product_Name", "Version", "Product_Serial", "Product_Asset_Tag"), _ABSENT)
    memory_b = machine.cpu.memory_b
    return {
        "CPU": _cpu(machine.cpu),
        "GPU": {gpu.id: _gpu(gpu) for gpu in machine.gpus},
        "BIOS": dict.fromkeys(("Vendor", "Version", "Release_data"), _ABSENT),
        "SYSTEM": {**none, "isVM": machine.cpu.hypervisor is not None},
        "MEMORY": {"Mem_Total": -1 if memory_b is None else memory_b // 1024, "Mem_Available": -1, "Mem_Swap": -1},
        "STORAGE": {},
    }


def _cpu(cpu: Cpu) -> dict[str, Any]:
    cores, sockets = cpu.cores or 0, cpu.sockets or 0
    sizes = {level: _cache(cpu, level) for level in (2, 3)}
    return {
        "Architecture": cpu.arch,
        "CPU_Model": cpu.name or _ABSENT,
        "CPU_Family": _ABSENT if cpu.family is None else str(cpu.family),
        "CPU_num": cpu.threads,
        "Online_CPUs_list": ",".join(map(str, cpu.affinity)) or _ABSENT,
        "Threads_per_core": cpu.threads // cores if cores else -1,
        "Cores_per_socket": cores // sockets if cores and sockets else -1,
        "Sockets": sockets or -1,
        "Vendor_ID": cpu.vendor or _ABSENT,
        "Stepping": _ABSENT if cpu.stepping is None else str(cpu.stepping),
        "CPU_MHz": -1.0 if cpu.clock_hz is None else cpu.clock_hz / 1e6,
        "CPU_Max_Speed_MHz": -1.0 if cpu.clock_max_hz is None else cpu.clock_max_hz / 1e6,
        "CPU_Min_Speed_MHz": -1.0,
        "BogoMIPS": -1.0,
        "L2_cache": sizes[2],
        "L3_cache": sizes[3],
        "NUMA_nodes": len(cpu.numa) or -1,
        **{f"NUMA_node{node.node}_CPUs": ",".join(map(str, node.cpus)) for node in cpu.numa},
        "Power_Policy": cpu.governor or _ABSENT,
        "SMT_Enabled": _ABSENT if cpu.smt is None else str(int(cpu.smt)),
    }


def _cache(cpu: Cpu, level: int) -> str:
    size_b = next((cache.size_b for cache in cpu.caches if cache.level == level and cache.kind != "instruction"), None)
    return _ABSENT if size_b is None else f"{size_b // 1024}K"


def _gpu(gpu: Gpu) -> dict[str, Any]:
    known = {"Vendor": gpu.vendor, "Model": gpu.name, "Driver": gpu.driver, "Target": gpu.compute_target}
    return {name: word or _ABSENT for name, word in known.items()} | {
        "Mem_Total": -1 if gpu.memory_b is None else gpu.memory_b // 1024
    }


def _suite(runs: Iterable[RunRecord]) -> dict[str, Any]:
    threads = max((run.resources.threads for run in runs), default=-1)
    return {
        "version": f"ngtbench {__version__}",
        "flags": {"ncores": threads, "run_mode": "native"},
        "benchmark_version": {"ngtbench": __version__},
    }


def _profile(system: System) -> dict[str, Any]:
    ends = {result.status for result in system.results}
    return {
        "app_info": {"name": "ngtbench", "records": sorted({result.suite for result in system.results})},
        "environment": {"system": wording.machine_line(system.machine), "jobs": list(system.jobs)},
        "settings": {"files": {reading.path.name: reading.sha256 for reading in system.readings}},
        "status": "failed" if ends & {"wrong", "failed"} else "success",
        "benchmarks": {_name(result): _benchmark(result) for result in system.results},
    }


def _name(result: Result) -> str:
    return f"{result.case.id} on {wording.place(result)}" + (f", watched by {result.profiler}" if result.profiler else "")


def _benchmark(result: Result) -> dict[str, Any]:
    said = {
        "version": result.case.version,
        "args": {"size": result.case.size, "dtype": result.case.dtype, "implementation": result.case.impl},
        "tier": result.tier,
        "status": result.status,
        "reason": result.reason,
        "run_info": {"device": result.resources.device, "threads": result.resources.threads, "launches": result.launches},
        "flags": result.flags,
    }
    if result.metric is None or result.figure is None:
        return said
    name, figure, work = result.metric.name, result.figure, result.work
    rate = None if work is None else result.rate(work.events)
    return said | {
        "metric": name,
        "better": result.metric.better,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "unit": wording.unit(name),
        "interval": figure.method,
        "samples": figure.samples,
        "wl-scores": {} if rate is None or work is None else {f"{work.event} per second": rate},
        "power_w": result.power_w,
    }
