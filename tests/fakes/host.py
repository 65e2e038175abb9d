"""Lays a described host out as the files that discovery reads."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ngtbench.discover.answers import Unread
from ngtbench.discover.source import Source

HERE = Path(__file__).parent
HOSTS = sorted(path.stem for path in (HERE / "hosts").glob("*.json"))
Files = dict[str, str]


def no_command(command: Sequence[str]) -> str:
    """Stand in for a host without any command."""
    raise Unread("not on PATH")


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write host paths below a folder."""
    folders = {os.path.dirname(name) for name in files}  # noqa: PTH120 - ten thousand files: plain strings are quick
    for folder in sorted(folders):
        (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with open(f"{root}/{name.lstrip('/')}", "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(f"{text}\n")


def build(name: str, root: Path) -> Source:
    """Lay out a host of tests/fakes/hosts."""
    host = json.loads((HERE / "hosts" / f"{name}.json").read_text(encoding="utf-8"))
    cores = max(1, host["sockets"]) * host["cores"]
    threads = cores * host["threads_per_core"]
    files: Files = {"/sys/devices/system/cpu/online": f"0-{threads - 1}", "/proc/meminfo": f"MemTotal: {host['memory_kb']} kB"}
    files["/proc/cpuinfo"] = "\n\n".join(_block(host, cpu) for cpu in range(threads))
    for cpu in range(cores):
        files |= _cpu(host, cpu, cores)
    files |= _nodes(host, cores) | host["files"]
    write(root, files)
    for cpu in range(cores, threads):  # the second thread of a core shows what the first does
        (root / f"sys/devices/system/cpu/cpu{cpu}").symlink_to(f"cpu{cpu % cores}")
    return Source(root, {}, host["arch"], frozenset(range(threads)), no_command)


def _block(host: dict[str, Any], cpu: int) -> str:
    return "\n".join(f"{key}\t: {value}" for key, value in {"processor": cpu, **host["cpuinfo"]}.items())


def _cpu(host: dict[str, Any], core: int, cores: int) -> Files:
    """Return the files of a core's first CPU; thread t of core c is CPU c + t * cores, as Linux numbers x86."""
    base = f"/sys/devices/system/cpu/cpu{core}"
    files = {
        f"{base}/topology/physical_package_id": str(core // host["cores"] if host["sockets"] else -1),
        f"{base}/topology/thread_siblings_list": _threads([core], host, cores),
    }
    for index, cache in enumerate(host["caches"]):
        first = core - core % cache["cores"]
        where = f"{base}/cache/index{index}"
        files |= {f"{where}/{key}": str(cache[key]) for key in ("level", "type", "size")}
        files[f"{where}/shared_cpu_list"] = _threads(range(first, first + cache["cores"]), host, cores)
        files[f"{where}/coherency_line_size"] = "64"
    return files | {f"{base}/cpufreq/{key}": value for key, value in host.get("cpufreq", {}).items()}


def _threads(group: Sequence[int], host: dict[str, Any], cores: int) -> str:
    return ",".join(f"{group[0] + t * cores}-{group[-1] + t * cores}" for t in range(host["threads_per_core"]))


def _nodes(host: dict[str, Any], cores: int) -> Files:
    files: Files = {}
    memories_kb = [host["memory_kb"] // host["nodes"]] * host["nodes"] if host["nodes"] else []
    for node, memory_kb in enumerate(memories_kb + host.get("memory_only_nodes", [])):
        per_node = cores // host["nodes"]
        group = range(node * per_node, (node + 1) * per_node)
        base = f"/sys/devices/system/node/node{node}"
        files[f"{base}/cpulist"] = _threads(group, host, cores) if node < host["nodes"] else ""
        files[f"{base}/meminfo"] = f"Node {node} MemTotal: {memory_kb} kB\nNode {node} MemFree: 1000 kB"
    return files
