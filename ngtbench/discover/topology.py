"""How the processors hang together: sockets, cores, caches and NUMA nodes from sysfs."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.source import Source, numbers
from ngtbench.model.machine import Cache, NumaNode

Blocks = list[dict[str, str]]  # of /proc/cpuinfo: one per logical CPU

_CPUS = "/sys/devices/system/cpu"
_NODES = "/sys/devices/system/node"
_KINDS: dict[str, Literal["data", "instruction", "unified"]] = {
    "Data": "data",
    "Instruction": "instruction",
    "Unified": "unified",
}
_SCALE = {"K": 2**10, "M": 2**20, "G": 2**30}


def online(source: Source, blocks: Blocks) -> tuple[int, ...]:
    """Return the logical CPUs that are switched on; those of our affinity where nothing else can be read."""
    try:
        return numbers(source.text(f"{_CPUS}/online")) or tuple(sorted(source.affinity))
    except (Unread, ValueError):
        listed = [int(block["processor"]) for block in blocks if block.get("processor", "").isdecimal()]
        return tuple(listed or sorted(source.affinity))


def sockets(source: Source, cpus: Sequence[int], blocks: Blocks) -> int:
    """Count the packages of these CPUs.

    Raises Unread where neither sysfs nor cpuinfo tells.
    """
    try:
        found = {source.integer(f"{_CPUS}/cpu{cpu}/topology/physical_package_id") for cpu in cpus}
    except Unread as error:
        listed = {block.get("physical id") for block in blocks}
        if None in listed or not listed:
            raise error
        return len(listed)
    if min(found) < 0:
        raise Unread("the kernel knows no package ids (physical_package_id is -1)")
    return len(found)


def siblings(source: Source, cpus: Sequence[int], blocks: Blocks) -> tuple[int, bool]:
    """Return the number of cores of these CPUs, and whether any core runs several of them.

    Raises Unread where neither sysfs nor cpuinfo tells.
    """
    cores: set[object]
    try:
        cores = {source.text(f"{_CPUS}/cpu{cpu}/topology/thread_siblings_list") for cpu in cpus}
    except Unread as error:
        cores = {(block.get("physical id"), block.get("core id")) for block in blocks}
        if not cores or any(None in core for core in cores if isinstance(core, tuple)):
            raise error
    return len(cores), len(cores) < len(cpus)


def caches(source: Source, cpus: Sequence[int], answers: Answers) -> tuple[Cache, ...]:
    """Return every distinct cache with its number of instances, innermost first; () with a reason where hidden."""
    shares: dict[tuple[int, str, str], tuple[int, int | None]] = {}
    try:
        for cpu in cpus:
            base = f"{_CPUS}/cpu{cpu}/cache"
            for index in source.entries(base, "index"):
                where = f"{base}/{index}"
                key = source.integer(f"{where}/level"), source.text(f"{where}/type"), source.text(f"{where}/shared_cpu_list")
                if key not in shares:
                    shares[key] = _size_b(source.text(f"{where}/size")), _line_b(source, where)
    except Unread as error:
        answers.missing["caches"] = str(error)
        return ()
    if not shares:
        answers.missing["caches"] = f"{_CPUS}/cpu*/cache lists none"
    counted = Counter((level, kind, size, line) for (level, kind, _), (size, line) in shares.items())
    found = [
        Cache(level, _KINDS[kind], size, instances, line)
        for (level, kind, size, line), instances in counted.items()
        if kind in _KINDS
    ]
    found.sort(key=lambda cache: (cache.level, cache.kind, -cache.size_b))
    for number, cache in enumerate(found):
        if cache.line_b is None:
            answers.missing[f"caches.{number}.line_b"] = "coherency_line_size is absent"
    return tuple(found)


def numa(source: Source, answers: Answers) -> tuple[NumaNode, ...]:
    """Return the NUMA nodes, memory-only ones too (GPU memory of GH200); () with a reason where hidden."""
    nodes = answers("numa", source.entries, _NODES, "node") or []
    found: list[NumaNode] = []
    for name in nodes:
        number = int(name.removeprefix("node"))
        cpus = answers(f"numa.{len(found)}.cpus", _node_cpus, source, name)
        memory_b = answers(f"numa.{len(found)}.memory_b", _node_memory_b, source, name)
        found.append(NumaNode(number, cpus or (), memory_b))
    if not found:
        answers.missing.setdefault("numa", f"{_NODES} lists no node")
    return tuple(found)


def kib_b(text: str, key: str) -> int:
    """Return the bytes of a line "key: 123 kB" of a meminfo file.

    Raises Unread where there is no such line.
    """
    for line in text.splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if name.split()[-1:] == [key] and words and words[0].isdecimal():
            return int(words[0]) * 1024
    raise Unread(f"meminfo has no line {key}")


def _node_cpus(source: Source, name: str) -> tuple[int, ...]:
    return numbers(source.text(f"{_NODES}/{name}/cpulist"))


def _node_memory_b(source: Source, name: str) -> int:
    return kib_b(source.text(f"{_NODES}/{name}/meminfo"), "MemTotal")


def _size_b(text: str) -> int:
    number, scale = (text[:-1], _SCALE[text[-1]]) if text[-1:] in _SCALE else (text, 1)
    if not number.isdecimal():
        raise Unread(f"a cache says its size is '{text[:40]}'")
    return int(number) * scale


def _line_b(source: Source, where: str) -> int | None:
    try:
        return source.integer(f"{where}/coherency_line_size") or None
    except Unread:
        return None
