"""The compute nodes of AMD's driver, and which of them HIP will enumerate.

`rocm:N` counts the nodes in order, as HIP does, filtered by ROCR_VISIBLE_DEVICES and then by HIP_VISIBLE_DEVICES (or
CUDA_VISIBLE_DEVICES, which HIP obeys too). Each die of an MI250X and each partition of an MI300 is a node of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.source import Source

KFD = "/sys/class/kfd/kfd"
_NODES = f"{KFD}/topology/nodes"


@dataclass(frozen=True)
class Node:
    """One compute node of the driver: a GPU, a die or a partition."""

    path: str
    gpu_id: str  # the driver's number for it
    properties: Mapping[str, str]

    @property
    def address(self) -> str:
        """Return the PCI address; bits above 15 number the partition, and older kernels put that into the function."""
        location = int(self.properties["location_id"])
        domain = int(self.properties.get("domain", "0"))
        return f"{domain:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}"

    def device(self, source: Source) -> str:
        """Return the sysfs folder of the PCI device."""
        exact = f"/sys/bus/pci/devices/{self.address}"
        return exact if source.exists(exact) else f"{exact[:-1]}0"

    @property
    def uuid(self) -> str:
        """Return "GPU-" and 16 hex digits, as ROCr names it."""
        number = int(self.properties.get("unique_id", "0"))
        if not number:
            raise Unread("the driver gives no unique_id")
        return f"GPU-{number:016x}"


def nodes(source: Source, answers: Answers) -> list[Node]:
    """Return the nodes that compute; those withheld from us stand in `missing`.

    Raises Unread where the driver is absent.
    """
    found = []
    for name in source.entries(_NODES):
        path = f"{_NODES}/{name}"
        try:
            gpu_id = source.text(f"{path}/gpu_id")
            properties = pairs(source.text(f"{path}/properties"))
        except Unread as error:  # a device that the container or batch job withholds
            answers.missing[f"gpus.rocm.node{name}"] = str(error)
            continue
        if properties.get("simd_count", "0") != "0":
            found.append(Node(path, gpu_id, properties))
    return found


def visible(nodes: list[Node], env: Mapping[str, str], answers: Answers) -> list[Node]:
    """Return the nodes the environment leaves, in HIP's order; an invalid entry ends the list."""
    chosen, variables = nodes, []
    second = "HIP_VISIBLE_DEVICES" if "HIP_VISIBLE_DEVICES" in env else "CUDA_VISIBLE_DEVICES"
    for variable in ("ROCR_VISIBLE_DEVICES", second):
        if variable not in env:
            continue
        variables.append(f"{variable}={env[variable]!r}")
        before, chosen = chosen, []
        for word in (part.strip() for part in env[variable].split(",")):
            found = [node for number, node in enumerate(before) if word == str(number) or _has_uuid(node, word)]
            if not found or found[0] in chosen:
                break
            chosen.append(found[0])
    if len(chosen) < len(nodes):
        reason = f"{len(nodes) - len(chosen)} of {len(nodes)} hidden: {'; '.join(variables)}"
        answers.missing["gpus.rocm.hidden" if chosen else "gpus.rocm"] = reason
    return chosen


def _has_uuid(node: Node, word: str) -> bool:
    return word.startswith("GPU-") and Answers()("uuid", lambda: node.uuid) == word.lower().replace("gpu-", "GPU-")


def pairs(text: str) -> dict[str, str]:
    """Return the lines "key value" of a KFD file."""
    return {key: value for key, _, value in (line.partition(" ") for line in text.splitlines())}
