"""Programs that share a device: what each runs, what each did, and who runs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from ngtbench.model.case import Case


@dataclass(frozen=True)
class Program:
    """What a client of a shared device runs again and again: a case, on so many CPU threads."""

    case: Case
    threads: int


@dataclass(frozen=True)
class Served:
    """What a client did: begin and end of each call in seconds of one clock for all, events of a call, its memory.

    Calls follow one another; a trial lasts from the first opening of its watch to the last closing, and what it prepares and
    counts besides lies between two. `wrong` tells what is wrong with its last outputs, of trials with any, if something is. The
    first call is its warm-up, beside those of the others.
    """

    begin_s: NDArray[Any]
    end_s: NDArray[Any]
    events: int
    wrong: str | None
    memory_b: int  # of the host, resident; of a process of several clients a part each
    shared_b: int = 0  # the part of it that other processes hold too


class Clients(Protocol):
    """Programs that are prepared and judged, each in a process of its own, or all in one, a thread and a stream each."""

    said: str  # how the device is shared, as it was found

    def serve(self, who: Sequence[int], window_s: float) -> list[Served]:
        """Let these run side by side, each until a call of its own ends after `window_s`.

        Raises NgtBenchError where one fails, dies or falls silent, naming it.
        """
        ...
