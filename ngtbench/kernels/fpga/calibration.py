"""Fits of what circuits cost to published synthesis results, with bands proven on networks that were left out."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array

Row = Mapping[str, Any]
COVERAGE = 0.9
_FEW = 10  # weights in a layer whose band is 1.4 times as wide
_LEAST_PER_COST = 0.95  # LUT over adder cost of 15 designs in yosys, of which five are rows here
UNROLLED = 1  # the reuse factor at which nothing is shared in time


@cache
def rows(name: str) -> tuple[Row, ...]:
    """Return the rows of a set: dense, networks, routed, yosys; `calibration.json` has their sources."""
    table = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))["sets"][name]
    return tuple(dict(zip(table["columns"], row, strict=True)) for row in table["rows"])


def multiplier_limit(n_in: int, n_out: int, nnz: int, reuse_factor: int) -> int:
    """Return how many multipliers HLS may make: ceil(n_in n_out / RF) - floor(zeros / RF)."""
    return -(-n_in * n_out // reuse_factor) - (n_in * n_out - nnz) // reuse_factor


@dataclass(frozen=True)
class DenseFit:
    """LUT and FF of a layer in Latency strategy, 8-bit weights and inputs; a spread is the half-width of log(true / value)."""

    per_weight: float  # LUT per non-zero weight: mostly its adder
    per_weight_unrolled: float  # more, at reuse factor 1
    per_waiting: float  # LUT per product that has no multiplier of its own
    per_product: float  # LUT per multiplier made of LUT
    spread: float  # of all but the multipliers, in a layer of many weights
    ff: "RegisterFit"
    ff_unrolled: "RegisterFit"  # the clock moves it more

    def lut_of(self, nnz: Any, waiting: Any, reuse_factor: int) -> Any:
        """Return LUT outside multipliers, of numbers or arrays of them."""
        per = self.per_weight + self.per_weight_unrolled * (reuse_factor == UNROLLED)
        return per * nnz + self.per_waiting * waiting

    def ff_of(self, row: Row) -> tuple[float, float]:
        """Return FF, and the half-width of its logarithm, of counts as in a row of the set "dense"."""
        unrolled = row["reuse_factor"] == UNROLLED
        fit, terms = self.ff_unrolled if unrolled else self.ff, _register_terms(row)
        return fit.per_adder * terms[0] + fit.per_product * terms[1], fit.spread * (of_few(row["nnz"]) if unrolled else 1)


@dataclass(frozen=True)
class RegisterFit:
    """FF of a layer in Latency strategy."""

    per_adder: float
    per_product: float  # N3
    spread: float


def of_few(nnz: int) -> float:
    """Return how much wider the band of a layer of few weights is than that of one of many: what single ones cost varies."""
    return sqrt(1 + _FEW / max(nnz, 1))


def fit_dense(given: Sequence[Row]) -> DenseFit:
    """Fit rows of two networks or more, as those of the set "dense".

    Bands are conformal: each network is predicted from the others, and 90 % of those errors lie inside the band.
    """
    networks = sorted({str(row["task"]) for row in given})
    if len(networks) < 2:
        raise BadInput(f"rows of {len(networks)} network: bands need two or more")
    errors, ff_errors = list[float](), {True: list[float](), False: list[float]()}
    for network in networks:
        other = _fitted([row for row in given if row["task"] != network])
        for row in (row for row in given if row["task"] == network):
            mine, waiting = _multipliers(row)
            rest = row["LUT"] - other.per_product * mine * (row["multiplier_pragma"] == "LUT")
            error = _log(rest, other.lut_of(row["nnz"], waiting, row["reuse_factor"]))
            errors.append(error / of_few(row["nnz"]))
            value, wider = other.ff_of(row)
            ff_errors[row["reuse_factor"] == UNROLLED].append(_log(row["FF"], value) / wider)
    made, (shared, unrolled) = (
        _fitted(given),
        (half_width(ff_errors[key]) if ff_errors[key] else float("nan") for key in (False, True)),
    )
    return replace(
        made,
        spread=half_width(errors),
        ff=replace(made.ff, spread=shared),
        ff_unrolled=replace(made.ff_unrolled, spread=unrolled),
    )


@dataclass(frozen=True)
class RatioFit:
    """A figure as a multiple of another: value, low and high of the ratio."""

    value: float
    low: float
    high: float


def fit_ratio(given: Sequence[Row], of: Callable[[Row], float]) -> RatioFit:
    """Fit the ratio that each row has; the band runs between the 5 % and 95 % quantiles, and a little further.

    So much that 90 % of the rows lie inside the band that the other rows give. Not of equal reach on both sides, for ratios
    spread to one.
    """
    logs = np.log([of(row) for row in given])
    outside = list[float]()
    for place, mine in enumerate(logs):
        low, high = _quantiles(np.delete(logs, place))
        outside.append(max(low - mine, mine - high))
    further = max(sorted(outside)[ceil(len(outside) * COVERAGE) - 1], 0.0)
    low, high = _quantiles(logs)
    return RatioFit(float(np.exp(np.median(logs))), float(np.exp(low - further)), float(np.exp(high + further)))


@cache
def dense_fit() -> DenseFit:
    """Return the fit to all rows in the package."""
    return fit_dense(rows("dense"))


@cache
def adder_fit() -> RatioFit:
    """Return LUT over adder cost: midway between routed designs and open-source synthesis; the band is of both together."""
    both, routed, other = (
        fit_ratio(given, _lut_per_cost) for given in (rows("routed") + rows("yosys"), rows("routed"), rows("yosys"))
    )
    return replace(both, value=sqrt(routed.value * other.value), low=min(both.low, _LEAST_PER_COST))


@dataclass(frozen=True)
class CostFit:
    """Adder cost of a layer from its counts, a product of powers; spread is the half-width of log(true / value)."""

    powers: tuple[float, ...]
    spread: float

    def of(self, row: Row) -> Any:
        """Return the cost of a row, or of a row of arrays."""
        return np.exp(sum(power * term for power, term in zip(self.powers, _cost_terms(row), strict=True)))


def fit_cost(given: Sequence[Row]) -> CostFit:
    """Fit rows as those of the set "graphs"; the band is conformal over fifths of the rows."""
    terms = np.array([_cost_terms(row) for row in given])
    logs = np.log([row["cost"] for row in given])
    errors = list[float]()
    for fold in range(5):
        mine = np.arange(len(given)) % 5 == fold
        powers = np.linalg.lstsq(terms[~mine], logs[~mine], rcond=None)[0]
        errors += (logs[mine] - terms[mine] @ powers).tolist()
    return CostFit(tuple(np.linalg.lstsq(terms, logs, rcond=None)[0].tolist()), half_width(errors))


@cache
def cost_fit() -> CostFit:
    """Return the fit to adder graphs of random layers."""
    return fit_cost(rows("graphs"))


@cache
def ebops_fit() -> RatioFit:
    """Return LUT over EBOPs: median and range, without the lowest, of 20 published designs; the ten in rows lie high."""
    return RatioFit(0.81, 0.67, 0.91)


@cache
def adder_ff_fit() -> RatioFit:
    """Return FF over LUT of routed networks, pipelined for 2 ns."""
    return fit_ratio(rows("routed"), lambda row: row["FF"] / row["LUT"])


def half_width(errors: Sequence[float]) -> float:
    """Return the size that 90 % of errors do not exceed, for one more error from where these are from."""
    return sorted(abs(error) for error in errors)[min(ceil((len(errors) + 1) * COVERAGE), len(errors)) - 1]


def _cost_terms(row: Row) -> list[Any]:
    """Return logarithms: adders without sharing, digits per output, input and weight, and about the width of an adder."""
    digits = np.maximum(row["csd_digits_total"], 1)
    ways = (np.maximum(digits - row["n_out"], 1), digits / row["n_out"], digits / row["n_in"], digits / np.maximum(row["nnz"], 1))
    return [1.0, *(np.log(way) for way in ways), log(row["input_bits"] + row["weight_bits"] / 2 + 1)]


def _multipliers(row: Row) -> tuple[int, int]:
    """Return how many products have a multiplier of their own, and how many wait for one."""
    products = int(row["distinct_input_weight_pairs_csd_ge3"])
    mine = min(products, multiplier_limit(row["n_in"], row["n_out"], row["nnz"], row["reuse_factor"]))
    return mine, products - mine


def _register_terms(row: Row) -> tuple[float, float]:
    """Return about how many adders hold registers, and N3.

    Adders add weights, and signed digits where nothing is shared in time; inputs and outputs bring one each along.
    """
    added = row["csd_digits_total"] if row["reuse_factor"] == UNROLLED else row["nnz"]
    return max(added - row["n_in"] - row["n_out"], added / 4), row["distinct_input_weight_pairs_csd_ge3"]


def _fitted(given: Sequence[Row]) -> DenseFit:
    """Return the coefficients by least relative squares, spreads of one."""
    columns = list[tuple[float, float, float, float]]()
    for row in given:
        mine, waiting = _multipliers(row)
        nnz, unrolled = float(row["nnz"]), row["reuse_factor"] == UNROLLED
        columns.append((nnz, nnz * unrolled, waiting, mine * (row["multiplier_pragma"] == "LUT")))
    lut = _relative(columns, [row["LUT"] for row in given])
    kinds = ([row for row in given if (row["reuse_factor"] == UNROLLED) is unrolled] for unrolled in (False, True))
    ff, unrolled_ff = (_relative([_register_terms(row) for row in kind], [row["FF"] for row in kind]) for kind in kinds)
    one, two, three, four = lut
    return DenseFit(one, two, three, four, 1.0, RegisterFit(ff[0], ff[1], 1.0), RegisterFit(unrolled_ff[0], unrolled_ff[1], 1.0))


def _relative(columns: Sequence[tuple[float, ...]], of: Sequence[float]) -> list[float]:
    """Return the coefficients of columns by least relative squares."""
    if not of:
        return [float("nan")] * 2
    scaled = np.array(columns) / np.array(of, np.float64)[:, None]
    return [float(one) for one in np.linalg.lstsq(scaled, np.ones(len(of)), rcond=None)[0]]


def _lut_per_cost(row: Row) -> float:
    return float(row["LUT"] / row["da4ml_cost"])


def _quantiles(logs: Array) -> tuple[float, float]:
    low, high = np.quantile(logs, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]).tolist()
    return low, high


def _log(true: float, value: float) -> float:
    return float(np.log(true / value))
