"""Replayed drivers: NVML from JSON named after its calls, amdsmi from JSON by PCI address."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml

from ngtbench.discover.source import Source
from tests.fakes.host import build, write

HERE = Path(__file__).parent
CARDS = sorted(path.stem for path in (HERE / "nvidia").glob("*.json") if path.stem != "broken-driver")
AMD = sorted(path.stem for path in (HERE / "amd").glob("*.json"))


class Nvml:
    """Answers NVML calls; {"error": "NotSupported"} refuses as the driver would, an undescribed call fails the test."""

    NVMLError = pynvml.NVMLError

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def __getattr__(self, call: str) -> Any:
        if not call.startswith("nvml"):
            raise AttributeError(call)
        return lambda *words: self._answer(call, *words)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - NVML's name
        return len(self.answers["devices"])

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:  # noqa: N802
        card: dict[str, Any] = _answered(self.answers["devices"][index])
        return card

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card: dict[str, Any], index: int) -> dict[str, Any]:  # noqa: N802
        if index >= len(card["slices"]):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        found: dict[str, Any] = card["slices"][index]
        return found

    def _answer(self, call: str, holder: dict[str, Any] | None = None, index: int | None = None) -> Any:
        answers = self.answers if holder is None else holder
        assert call in answers, f"the fake describes no {call}"
        answer = _answered(answers[call])
        if index is None:
            return _shaped(answer)
        if isinstance(answer, list) and index >= len(answer):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        return answer[index] if isinstance(answer, list) else answer[str(index)]


def nvml(name: str) -> Nvml:
    """Return a driver of tests/fakes/nvidia."""
    return Nvml(json.loads((HERE / "nvidia" / f"{name}.json").read_text(encoding="utf-8")))


class Amdsmi:
    """Answers amdsmi calls by PCI address."""

    def __init__(self, cards: dict[str, Any] | None) -> None:
        self.cards = cards

    def __getattr__(self, call: str) -> Any:
        return lambda handle: (self.cards or {})[handle][call]

    def amdsmi_init(self) -> None:
        if self.cards is None:
            raise OSError("libamd_smi.so: cannot open shared object file")

    def amdsmi_shut_down(self) -> None:
        self.cards = {}

    def amdsmi_get_processor_handles(self) -> list[str]:
        return list(self.cards or {})

    def amdsmi_get_gpu_device_bdf(self, handle: str) -> str:
        return handle


def amd(name: str, root: Path, host: str = "epyc-7763") -> tuple[Source, Amdsmi]:
    """Lay a GPU of tests/fakes/amd into a host, and return it with its amdsmi."""
    described = json.loads((HERE / "amd" / f"{name}.json").read_text(encoding="utf-8"))
    source = build(host, root)
    write(root, described["files"])

    def run(command: Sequence[str]) -> str:
        if command[0] == "rocm-smi" and described["rocm_smi"]:
            return json.dumps(described["rocm_smi"])
        return source.run(command)

    return Source(root, source.env, source.arch, source.affinity, run), Amdsmi(described["amdsmi"])


def _answered(answer: Any) -> Any:
    """Raise the error that an answer stands for, or return it."""
    if isinstance(answer, dict) and set(answer) == {"error"}:
        raise getattr(pynvml, f"NVMLError_{answer['error']}")
    return answer


def _shaped(answer: Any) -> Any:
    """Return dictionaries as NVML's structures, and their hexadecimal texts as numbers."""
    if isinstance(answer, list):
        return [_shaped(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    hexadecimal = {key: int(value, 16) if str(value).startswith("0x") else value for key, value in answer.items()}
    return SimpleNamespace(**hexadecimal)
