"""Ports for what the outside world answers, so that tests can replay it."""

from typing import Protocol

from ngtbench.model.record import Energy


class EnergyProbe(Protocol):
    """Reads a device's energy counter around a window."""

    def start(self) -> None:
        """Open the window."""
        ...

    def stop(self) -> Energy:
        """Close the window; `j` is None with a reason where there is no counter."""
        ...
