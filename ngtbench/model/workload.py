"""What a workload file declares, and what a kernel's build function is given and returns."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np

from ngtbench.errors import Unavailable
from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.sharing import Clients, Program

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Any]  # output name -> array of the implementation's backend, or Blocked


@dataclass(frozen=True)
class Blocked:
    """An output as a kernel keeps it: real numbers [block][source][component][lane], and which site each lane holds.

    `sites[block, lane]` is the flat index of a site in the order of the oracle; every site is there once. `shape` is that of
    the oracle's array: ([sources,] sites in one or more axes, numbers of a site in one or more axes).
    """

    array: Any
    sites: Array
    shape: tuple[int, ...]
    complex: bool = True  # two components are one number
    scale: Any = None  # [block][source][0][lane]: what the whole numbers of a site are to be multiplied by

    @cached_property
    def places(self) -> Array:
        """Block x lanes + lane of each site."""
        return np.argsort(self.sites, axis=None)


@dataclass(frozen=True)
class Uniform:
    """An input array of uniform numbers in [low, high), the same bits on every device.

    Element i is `low + (high - low) * u(seed, stream, i)`; `physics.counter` defines u.
    """

    shape: tuple[int, ...]
    seed: int
    stream: int
    low: float = -1.0
    high: float = 1.0


Inputs = Mapping[str, Uniform | Array]
Bounds = Mapping[str, tuple[float, float]]  # invariant -> (value, bound): holds if |value| <= bound


def _no_clients(programs: Sequence[Program], together: bool) -> Clients:
    raise Unavailable("who made this setup starts no clients")


@dataclass(frozen=True)
class Setup:
    """What `build` may depend on besides the input arrays.

    `say` tells the record which variant was chosen ("openmp", "cuBLAS, tf32"). `batches` is given what makes a run of another
    number of events, the first of which are those of the case: so it is found where a batch saturates. `packs` is given what
    reads the input arrays again, where the run reads copies in a layout of its own; `compiled` the seconds compilers took, now
    or when what is used was compiled. `clients` starts programs that share the device, in processes or `together` in one.
    """

    size: Any
    dtype: str
    device: str  # "cpu:0", "cuda:0"
    threads: int
    seed: int
    backend: "Backend"
    say: Callable[[str], None] = lambda text: None
    batches: Callable[[Callable[[int], "Run"]], None] = lambda make: None
    packs: Callable[[Callable[[], None]], None] = lambda pack: None
    compiled: Callable[[float], None] = lambda seconds: None
    clients: Callable[[Sequence[Program], bool], Clients] = _no_clients
    rank: int = 0
    ranks: int = 1


Run = Callable[[], Arrays]


class Watch(Protocol):
    """The stopwatch of a trial: `with watch(): ...` around what counts."""

    spent_s: float

    def __call__(self) -> AbstractContextManager[None]:
        """Open the stopwatch; device work is synchronised at both ends."""
        ...


@dataclass(frozen=True)
class Trial:
    """One experiment from fresh state: what came out, and a number per metric of the workload."""

    outputs: Arrays
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Timing:
    """Seconds for `calls` calls, and what the last call returned.

    `enqueue_s` passed until the host had asked for all work, `device_s` between two events on the device. `stray_s` passed
    between the second event and an idle device: work left on other streams.
    """

    wall_s: float
    device_s: float | None
    outputs: Any
    enqueue_s: float | None = None
    stray_s: float = 0.0


class Clock(Protocol):
    """Times a run; the only thing that reads a timer."""

    name: str
    resolution_s: float

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        """Call `run` this often, synchronise, and return total seconds and the last outputs."""
        ...


class Backend(Protocol):
    """Where arrays live; as small as it can be, so that a new one is a file of fifty lines."""

    name: str
    device: str
    clock: Clock

    def put(self, host: Array, dtype: str) -> Any:
        """Copy a host array to the device without changing a bit; bfloat16 values arrive as float32."""
        ...

    def uniform(self, spec: Uniform, dtype: str) -> Any:
        """Make the array on the device, equal bit for bit to `physics.counter.uniform`, rounded to dtype."""
        ...

    def get(self, array: Any) -> Array:
        """Copy to the host; bfloat16 comes back as float32."""
        ...

    def take(self, array: Any, index: Array) -> Array:
        """Copy the elements at these flat indices to the host."""
        ...

    def copy(self, target: Any, source: Any) -> None:
        """Overwrite a device array by another of its shape."""
        ...

    def holds(self, array: Any) -> bool:
        """Tell whether this is an array whose values are there: no promise, no subclass that computes when looked at."""
        ...

    def flush(self, size_b: int) -> None:
        """Write this many bytes from every processor, so that caches hold nothing else."""
        ...

    def replay(self, run: "Run") -> "Run | None":
        """Return a function that replays what a run gives the device, as one graph; None where there is no such thing.

        Raises Unavailable where the work cannot be captured.
        """
        ...

    def poison(self, array: Any) -> None:
        """Overwrite an output so that a result left over from an earlier call cannot pass."""
        ...

    def synchronise(self) -> None:
        """Wait until all work on the device is done."""
        ...

    def lane(self) -> AbstractContextManager[Callable[[], None]]:
        """Give this thread a stream of its own while the block lasts, and what waits for the work on it alone."""
        ...

    def release(self) -> None:
        """Give cached memory back, so that the next case starts from an empty device."""
        ...


@dataclass(frozen=True)
class Workload:
    """A problem with its oracle; implementations live in `ngtbench.kernels`.

    `reference(size, **inputs)` gets float64 (complex128) copies of the rounded inputs and returns the wanted outputs.
    `spot(size, inputs, outputs) -> (got, want)` checks a sample where the full oracle is too large: `inputs[name]` and
    `outputs[name]` are then indexed by arrays of flat indices. `invariants(size, inputs, outputs, dtype)` is always checked.
    `live` names inputs that change from call to call in real use, such as events: `build` may not keep copies of them but
    those that `Setup.packs` renews, and they are changed under it to prove that.
    `sizes` are named XS, S, M, L, or a variant such as "S-node1"; `quick` and `full` name those of suites; an empty `quick` is
    none.
    `nearby(size, k)`, k = 0 and 1, is a size a few per cent off in each free dimension, no larger where the size is large: an
    audit runs it beside the size itself. Returning the size says that there is none.
    Of trials there are `least` or more; `takes_s` is about how long one takes, for the estimate of a run alone. Energy is that of
    a trial, or, where `energy_of` says so, of the last time its watch was open.
    """

    version: int
    title: str
    inputs: Callable[[Any, int], Inputs]
    sizes: Mapping[str, Any]
    tolerance: Mapping[str, float]  # dtype -> largest error over rms; its keys are the dtypes
    impls: tuple[Impl, ...]
    work: Callable[[Any, int], Work]  # (size, bytes per real number)
    reference: Callable[..., Mapping[str, Array]] | None = None
    spot: Callable[[Any, Mapping[str, Any], Mapping[str, Any]], tuple[Array, Array]] | None = None
    invariants: Callable[[Any, Mapping[str, Any], Mapping[str, Any], str], Bounds] | None = None
    live: tuple[str, ...] = ()
    nearby: Callable[[Any, int], Any] | None = None
    repeat: Literal["calls", "trials"] = "calls"
    least: int = 3
    takes_s: Callable[[Any, str], float] | None = None  # (size, "cpu" or "gpu")
    energy_of: Literal["trial", "watch"] = "trial"
    metrics: tuple[Metric, ...] = (Metric("wall_s"),)
    quick: tuple[str, ...] = ("S",)
    quick_gpu: tuple[str, ...] = ("M",)
    full: tuple[str, ...] = ()  # all
    notes: tuple[str, ...] = field(default=())
