"""Energy of a window, from a counter or by integrating power, with its error; and power at rest."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeVar

from ngtbench.discover.answers import Unread
from ngtbench.discover.sensors import Counter, Gauge, Sensor, spent_j
from ngtbench.errors import NgtBenchError
from ngtbench.model.record import Energy

TRIES = 3  # windows in which a device may cool down before idle power is given up
SETTLED = 0.1  # change of power within such a window
MISTRUSTED = 10.0  # factor between a counter and the device's power: some count in other units (ROCm/amdsmi issue 38)
_LOOKS = 5  # of a gauge at rest

T = TypeVar("T")
Clock = Callable[[], float]


class Eye(Protocol):
    """What tells whether a device is at rest."""

    def mark(self) -> None:
        """Begin a window."""
        ...

    def unrest(self, window_s: float) -> str | None:
        """Return why the device was not at rest since `mark`."""
        ...


class Meter(Protocol):
    """What measures the energy of windows."""

    window_s: float

    def start(self) -> None:
        """Open a window."""
        ...

    def stop(self) -> Energy:
        """Close it."""
        ...


@dataclass(frozen=True)
class Rest:
    """Power while nothing ran, or why it is not known."""

    w: float | None
    reason: str = ""
    broken: str = ""  # why the sensor must not be used


def meter(sensor: Counter | Gauge, rest: Rest, clock: Clock) -> Meter:
    """Return what reads a sensor."""
    return CountMeter(sensor, rest, clock) if isinstance(sensor, Counter) else GaugeMeter(sensor, rest, clock)


def at_rest(sensor: Counter | Gauge, eye: Eye, clock: Clock, sleep: Callable[[float], None]) -> Rest:
    """Measure idle power: wait, at most three windows, until the device is at rest and its power has settled.

    A worker that ended just before leaves clocks and power high for a while.
    """
    try:
        for _ in range(TRIES):
            watts, before_w, after_w, window_s = _window(sensor, eye, clock, sleep)
            if before_w and after_w and not 1 / MISTRUSTED < 2 * watts / (before_w + after_w) < MISTRUSTED:
                return Rest(None, broken=f"the counter says {watts:.3g} W where the device shows {after_w:.3g} W")
            reason = eye.unrest(window_s)
            if reason is None and before_w is not None and after_w is not None:
                if abs(after_w - before_w) <= SETTLED * max(before_w, after_w):
                    return Rest(watts)
                reason = f"power had not settled: {before_w:.0f} W, then {after_w:.0f} W"
            elif reason is None:
                return Rest(watts)
    except Unread as error:
        reason = str(error)
    return Rest(None, f"no idle power: {reason}")


class NoMeter:
    """Stands where nothing measures energy."""

    window_s = 0.0

    def __init__(self, reason: str, clock: Clock) -> None:
        self._reason, self._clock, self._start_s = reason, clock, 0.0

    def start(self) -> None:
        """Note the time."""
        self._start_s = self._clock()

    def stop(self) -> Energy:
        """Return the window and the reason."""
        return Energy(None, self._clock() - self._start_s, None, None, None, self._reason)


class CountMeter:
    """Reads a counter at both ends."""

    def __init__(self, counter: Counter, rest: Rest, clock: Clock) -> None:
        self._counter, self._rest, self._clock = counter, rest, clock
        self.window_s = counter.window_s
        self._first: tuple[tuple[int, ...] | None, float] = (None, 0.0)
        self._reason = ""

    def start(self) -> None:
        """Read the counter."""
        try:
            self._first = _timed(self._counter.counts, self._clock)
        except Unread as error:
            self._first, self._reason = (None, self._clock()), str(error)

    def stop(self) -> Energy:
        """Read it again; what does not tell the energy gives None with the reason."""
        first, start_s = self._first
        try:
            last, end_s = _timed(self._counter.counts, self._clock)
            if first is None:
                raise Unread(self._reason)
            j = spent_j(self._counter, first, last, end_s - start_s)
        except Unread as error:
            return Energy(None, self._clock() - start_s, self._rest.w, None, self._counter.name, str(error))
        return _energy(self._counter, j, end_s - start_s, self._counter.late_s, self._rest)


class GaugeMeter:
    """Looks at power now and then, from a thread, and integrates."""

    def __init__(self, gauge: Gauge, rest: Rest, clock: Clock) -> None:
        self._gauge, self._rest, self._clock = gauge, rest, clock
        self.window_s = gauge.window_s
        self._points: list[tuple[float, float]] = []
        self._halt = threading.Event()
        self._fault: Exception | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look, and go on looking."""
        self._end()  # a window that an error left open
        self._points, self._fault, self._halt = [], None, threading.Event()
        self._look()
        self._thread = threading.Thread(target=self._watch, args=(self._halt,), daemon=True)
        self._thread.start()

    def stop(self) -> Energy:
        """Look once more, and integrate; a look that failed voids the window.

        Raises NgtBenchError where the device was lost.
        """
        self._end()
        self._look()
        window_s = self._points[-1][0] - self._points[0][0] if self._points else 0.0
        if isinstance(self._fault, NgtBenchError):
            raise self._fault
        if self._fault is not None:
            return Energy(None, window_s, self._rest.w, None, self._gauge.name, str(self._fault))
        gap_s = max(after[0] - before[0] for before, after in pairwise(self._points))
        return _energy(self._gauge, integrated_j(self._points), window_s, max(gap_s, self._gauge.late_s), self._rest)

    def _watch(self, halt: threading.Event) -> None:
        while not halt.wait(self._gauge.every_s) and self._fault is None:
            self._look()

    def _look(self) -> None:
        if self._fault is not None:
            return
        try:
            watts, at_s = _timed(self._gauge.watts, self._clock)
        except (Unread, NgtBenchError) as error:
            self._fault = error
            return
        self._points.append((at_s, watts))

    def _end(self) -> None:
        self._halt.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None


def integrated_j(points: Sequence[tuple[float, float]]) -> float:
    """Return the integral of (second, watt) points by trapezia."""
    return sum((after[0] - before[0]) * (before[1] + after[1]) / 2 for before, after in pairwise(points))


def _window(
    sensor: Counter | Gauge, eye: Eye, clock: Clock, sleep: Callable[[float], None]
) -> tuple[float, float | None, float | None, float]:
    """Return mean power of one window at rest, power at its ends, and its length."""
    eye.mark()
    if isinstance(sensor, Gauge):
        points = []
        for look in range(_LOOKS + 1):
            sleep(sensor.rest_s / _LOOKS if look else 0.0)
            watts, at_s = _timed(sensor.watts, clock)
            points.append((at_s, watts))
        window_s = points[-1][0] - points[0][0]
        return integrated_j(points) / window_s, points[0][1], points[-1][1], window_s
    before_w = sensor.watts() if sensor.watts else None
    first, start_s = _timed(sensor.counts, clock)
    sleep(sensor.rest_s)
    last, end_s = _timed(sensor.counts, clock)
    window_s = end_s - start_s
    return spent_j(sensor, first, last, window_s) / window_s, before_w, sensor.watts() if sensor.watts else None, window_s


def _energy(sensor: Sensor, j: float, window_s: float, late_s: float, rest: Rest) -> Energy:
    """Return the energy with its error.

    The error is the sensor's tolerance, and what one late value may miss: both ends are up to `late_s` old, the device draws
    about its mean power at both (it warms up before, and is read at once after), and what the start adds the end lacks, so
    that the difference is at most `late_s` of mean power. What a sensor that looks only now and then does not see is not in
    it: it differs from launch to launch, and shows in their spread.
    """
    said = [sensor.remark]
    error_j = None
    if sensor.tolerance is None:
        said.append("no error bar: no tolerance of this sensor is documented")
    else:
        error_j = sensor.tolerance * j + late_s * j / window_s
        if window_s < sensor.window_s:
            said.append(f"a window of {window_s:.1f} s, below the {sensor.window_s:g} s this sensor needs: compare launches")
    said.append(rest.reason)
    return Energy(j, window_s, rest.w, error_j, sensor.name, "; ".join(filter(None, said)) or None)


def _timed(read: Callable[[], T], clock: Clock) -> tuple[T, float]:
    """Return a reading and the middle of the time it took."""
    before = clock()
    value = read()
    return value, (before + clock()) / 2
