"""Registers and cycles of a layer in Latency strategy: what the clock decides, fitted to reports of synthesis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, log2, sqrt

import numpy as np

from ngtbench.kernels.fpga.bands import Row, half_width, multipliers, of_few

FASTEST_NS, SLOWEST_NS = 3.33, 5.0  # clock periods of the reports: what a layer of unknown clock lies between
PIPELINED = 2  # the reuse factor up to which cycles are those of the sums, not of products that wait
_SERIAL = 64  # weights of an output from which HLS was seen to serialise sums: 48 cycles at 105
_SERIAL_FF = 2  # times as many registers
Band = tuple[float, float, float]  # value, low, high


@dataclass(frozen=True)
class Pipeline:
    """FF and cycles of a layer of 8-bit weights and inputs; methods take counts as a row of the set "dense" names them."""

    ff_per_adder: float  # where multipliers are shared in time, whatever the clock
    ff_per_product: float
    ff_spread: float  # half-widths of log(true / value)
    digit_ns: float  # FF times clock period of a signed digit, at reuse factor 1: twice the stages, twice the registers
    digit_spread: float
    level_ns: float  # cycles times clock period, each time a sum has twice the terms
    cycles_off: float  # half-width, in cycles
    cycles_off_waiting: float  # where products wait for a multiplier

    def ff(self, row: Row, clock_ns: float | None) -> Band:
        """Return FF, of 8-bit weights."""
        if row["reuse_factor"] > 1:
            added, products = _register_terms(row)
            value, reach = self.ff_per_adder * added + self.ff_per_product * products, exp(self.ff_spread)
            return value, value / reach, value * reach
        (fast, slow), reach = _clocks(clock_ns), exp(self.digit_spread * of_few(row["nnz"]))
        all_ns = self.digit_ns * row["csd_digits_total"]
        return all_ns / sqrt(fast * slow), all_ns / slow / reach, all_ns / fast * reach * (_SERIAL_FF if serial(row) else 1)

    def cycles(self, row: Row, in_lut: bool, clock_ns: float | None) -> Band:
        """Return the cycles from input to output; multipliers in LUT do not meet a clock, and may take as few as at 5 ns."""
        fast, slow = _clocks(clock_ns)
        early, late = (_cycles(self.level_ns, row, clock) for clock in (max(slow, SLOWEST_NS) if in_lut else slow, fast))
        off = self.cycles_off if row["reuse_factor"] <= PIPELINED else self.cycles_off_waiting
        value = max(round((early + late) / 2), 1)
        most = late + off + (row["n_in"] / 2 if serial(row) else 0)
        return value, min(max(early - off, 1), value), max(most, value)


def serial(row: Row) -> bool:
    """Tell whether HLS may add the terms of a sum one after the other."""
    return bool(row["nnz"] / row["n_out"] >= _SERIAL)


def known(clock_ns: float | None) -> bool:
    """Tell whether a clock lies between those of the reports."""
    return clock_ns is None or FASTEST_NS <= clock_ns <= SLOWEST_NS


def fit_pipeline(given: Sequence[Row]) -> Pipeline:
    """Fit rows of two networks or more; a row without a clock_ns may have any of the reports' clocks.

    Bands are conformal: each network is predicted from the others. Layers whose sums may be serialised are left out where the
    clock decides.
    """
    shared = [row for row in given if row["reuse_factor"] > 1]
    unrolled = [row for row in given if row["reuse_factor"] == 1 and not serial(row)]
    timed = [row for row in given if not serial(row)]
    adders, digit, level = _shared(shared), _digit_ns(unrolled), _level_ns(timed)

    def waiting(row: Row) -> bool:
        return bool(row["reuse_factor"] > PIPELINED)

    off = _left_out(timed, lambda row, others: _beside(_level_ns(others), row))
    return Pipeline(
        *adders,
        ff_spread=half_width([error for _, error in _left_out(shared, lambda row, others: _shared_error(_shared(others), row))]),
        digit_ns=digit,
        digit_spread=half_width(
            [error for _, error in _left_out(unrolled, lambda row, others: _digit_error(_digit_ns(others), row))]
        ),
        level_ns=level,
        cycles_off=half_width([error for row, error in off if not waiting(row)]),
        cycles_off_waiting=half_width([error for row, error in off if waiting(row)]),
    )


def _left_out(given: Sequence[Row], error: Callable[[Row, Sequence[Row]], float]) -> list[tuple[Row, float]]:
    """Return rows with their errors, each of a fit to the other networks."""
    others = {task: [row for row in given if row["task"] != task] for task in {str(row["task"]) for row in given}}
    return [(row, error(row, others[str(row["task"])])) for row in given]


def _clocks(clock_ns: float | None) -> tuple[float, float]:
    return (FASTEST_NS, SLOWEST_NS) if clock_ns is None else (clock_ns, clock_ns)


def _clock(row: Row) -> float:
    return float(row.get("clock_ns", sqrt(FASTEST_NS * SLOWEST_NS)))


def _register_terms(row: Row) -> tuple[float, float]:
    """Return about how many adders hold registers, and N3: inputs and outputs bring a term each along."""
    added = row["nnz"]
    return max(added - row["n_in"] - row["n_out"], added / 4), row["distinct_input_weight_pairs_csd_ge3"]


def _shared(given: Sequence[Row]) -> tuple[float, float]:
    if not given:
        return float("nan"), float("nan")
    scaled = np.array([_register_terms(row) for row in given]) / np.array([row["FF"] for row in given], np.float64)[:, None]
    one, other = np.linalg.lstsq(scaled, np.ones(len(given)), rcond=None)[0].tolist()
    return one, other


def _shared_error(fit: tuple[float, float], row: Row) -> float:
    return log(row["FF"] / sum(per * term for per, term in zip(fit, _register_terms(row), strict=True)))


def _digit_ns(given: Sequence[Row]) -> float:
    """Return the one number by least relative squares."""
    ratios = np.array([row["csd_digits_total"] / (_clock(row) * row["FF"]) for row in given])
    return float(ratios.sum() / (ratios**2).sum()) if given else float("nan")


def _digit_error(digit_ns: float, row: Row) -> float:
    return log(row["FF"] * _clock(row) / (digit_ns * row["csd_digits_total"])) / of_few(row["nnz"])


def _cycles(level_ns: float, row: Row, clock_ns: float) -> float:
    """Return the cycles of sums that are made in so much time, and of products until the last has had its multiplier."""
    mine, waiting = multipliers(row)
    return level_ns * _levels(row) / clock_ns + (waiting / mine if mine else 0)


def _levels(row: Row) -> float:
    return log2(max(row["nnz"] / row["n_out"], 2))


def _level_ns(given: Sequence[Row]) -> float:
    """Return the one number by least squares, of rows whose multipliers meet their clock and seldom wait."""
    rows = [row for row in given if row["reuse_factor"] <= PIPELINED and row["multiplier_pragma"] == "DSP"]
    levels = np.array([_levels(row) / _clock(row) for row in rows])
    cycles = np.array([row["latency_cycles"] - _cycles(0, row, 1) for row in rows])
    return float(levels @ cycles / (levels @ levels)) if rows else float("nan")


def _beside(level_ns: float, row: Row) -> float:
    """Return how far cycles lie outside what the fit gives."""
    late = _cycles(level_ns, row, _clock(row))
    early = _cycles(level_ns, row, SLOWEST_NS) if row["multiplier_pragma"] == "LUT" else late
    seen = float(row["latency_cycles"])
    return max(early - seen, seen - late, 0.0)
