"""Energy and power of an NVIDIA card by NVML, and what is known of its sensors."""

from typing import Any

from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.nvml import Driver
from ngtbench.discover.sensors import Counter, Gauge
from ngtbench.discover.visible import Seat

_POWER_INSTANT = 186  # NVML_FI_DEV_POWER_INSTANT

# Yang et al., SC24 (arXiv 2312.02741), over 70 GPUs: a new value every 100 ms since Turing, 20 ms before; off by up to 5 %, and
# for one card always to the same side; A100 and H100 look at 25 ms of each 100 ms, GH200 at 20 ms. They ask for 5 s of work,
# repeated at other phases: each launch begins at another one.
# The period is not measured here: Dauner et al. (HotCarbon 2026) saw this counter fall short on an RTX 4090 by 13 % when read
# every 100 ms, and by 1.6 % when read every second; so it is read at the ends only, and rest lasts a second.
_LATE_S, _TOLERANCE, _WINDOW_S, _REST_S, _EVERY_S, _AVERAGE_S = 0.1, 0.05, 5.0, 1.0, 0.1, 1.0


def sensor(driver: Driver, seat: Seat) -> Counter | Gauge:
    """Return the energy counter, or power to be integrated where there is none.

    Raises Unread for a slice, and where there is neither.
    """
    if seat.instance:
        raise Unread("NVML counts the energy of the whole card, and this is a MIG slice of it")

    def counts() -> tuple[int, ...]:
        return (driver.ask("nvmlDeviceGetTotalEnergyConsumption", seat.card),)

    def watts() -> float:
        return power_w(driver, seat)

    try:
        counts()
    except Unread as error:
        return _gauge(driver, seat, str(error))
    return Counter(
        name="NVML total energy counter",
        counts=counts,
        unit_j=1e-3,
        watts=watts if Answers()("power", watts) else None,
        late_s=_LATE_S,
        tolerance=_TOLERANCE,
        window_s=_WINDOW_S,
        rest_s=_REST_S,
        remark=_remark(driver, seat),
    )


def power_w(driver: Driver, seat: Seat) -> float:
    """Return the power now: instant where the driver knows it, else an average over 1 s on Ampere and later but GA100.

    Raises Unread for a slice, and where the driver refuses.
    """
    if seat.instance:
        raise Unread("NVML reads the power of the whole card, and this is a MIG slice of it")
    watts = _instant_w(driver, seat)
    if watts is None:
        watts = float(driver.ask("nvmlDeviceGetPowerUsage", seat.card)) / 1e3
    if watts <= 0:
        raise Unread(f"NVML reports {watts:g} W")
    return watts


def _gauge(driver: Driver, seat: Seat, reason: str) -> Gauge:
    try:
        power_w(driver, seat)
    except Unread as error:
        raise Unread(f"no energy counter: {reason}; no power: {error}") from error
    instant = _instant_w(driver, seat) is not None
    return Gauge(
        name=f"integrated power (NVML {'instant' if instant else 'average'}, {1 / _EVERY_S:g} Hz)",
        watts=lambda: power_w(driver, seat),
        every_s=_EVERY_S,
        late_s=_LATE_S if instant else _AVERAGE_S,
        tolerance=_TOLERANCE,
        window_s=_WINDOW_S,
        rest_s=_REST_S,
        remark=_remark(driver, seat),
    )


def _instant_w(driver: Driver, seat: Seat) -> float | None:
    try:
        field = driver.ask("nvmlDeviceGetFieldValues", seat.card, [_POWER_INSTANT])[0]
    except Unread:
        return None
    return float(field.value.uiVal) / 1e3 if field.nvmlReturn == 0 else None


def _remark(driver: Driver, seat: Seat) -> str:
    """Say what a Grace Hopper counts, as ml-energy/zeus says of it too."""
    linked: Any = Answers()("linked", driver.ask, "nvmlDeviceGetC2cModeInfoV", seat.card)
    return "counts the whole module, its processor included" if linked is not None and linked.isC2cEnabled else ""
