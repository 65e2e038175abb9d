"""Ports for what the outside world answers, so that tests can replay it."""

from typing import Protocol

from ngtbench.model.record import Energy, Health


class Probe(Protocol):
    """Watches one device around timed windows; opened once per worker, before anything runs on the device."""

    window_s: float  # least window its energy sensor needs; 0 where it has none

    def health(self) -> Health:
        """Read the device's state now."""
        ...

    def start(self) -> None:
        """Open a window."""
        ...

    def stop(self) -> tuple[Energy, dict[str, float]]:
        """Close the window; return its energy, and flags of what disturbed it, each with its figure.

        `throttled`: share of the window in which the device or the process was held back. `shared_device`: share of the
        device that others used. `swapping`: pages moved to or from swap.
        """
        ...
