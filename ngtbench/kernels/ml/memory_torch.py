"""The most memory held at once: by a device's allocator, or by this process."""

import contextlib
import resource
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

_RESET = Path("/proc/self/clear_refs")  # writing 5 sets the peak to what is resident now (man 5 proc)
_STATUS = Path("/proc/self/status")


class Peak:
    """Measures a block: `memory_b` after it."""

    def __init__(self, place: torch.device) -> None:
        self._place, self.memory_b = place, 0

    def __enter__(self) -> "Peak":
        if self._place.type == "cpu":
            with contextlib.suppress(OSError):  # then the peak is that of the process since it began
                _RESET.write_text("5")
        else:
            torch.cuda.reset_peak_memory_stats(self._place)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.memory_b = _resident_b() if self._place.type == "cpu" else int(torch.cuda.max_memory_allocated(self._place))


def _resident_b() -> int:
    try:
        lines: Any = _STATUS.read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
