"""Fits of what circuits cost to published synthesis results, with bands proven on networks that were left out."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.bands import COVERAGE, Row, half_width, multipliers, of_few
from ngtbench.kernels.fpga.pipeline import Pipeline, fit_pipeline
from ngtbench.model.workload import Array

_LEAST_PER_COST = 0.95  # LUT over adder cost of 15 designs in yosys, of which five are rows here
_BITS_VARY = 3  # times as much as adders do
_SMALL = 250  # LUT or FF, below which circuits err by a number, above by a share
UNROLLED = 1  # the reuse factor at which nothing is shared in time


@cache
def rows(name: str) -> tuple[Row, ...]:
    """Return the rows of a set: dense, networks, routed, yosys; `calibration.json` has their sources."""
    table = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))["sets"][name]
    return tuple(dict(zip(table["columns"], row, strict=True)) for row in table["rows"])


@dataclass(frozen=True)
class DenseFit:
    """A layer in Latency strategy, 8-bit weights and inputs; a spread is the half-width of log(true / value)."""

    per_weight: float  # LUT per non-zero weight: mostly its adder
    per_weight_unrolled: float  # more, at reuse factor 1
    per_waiting: float  # LUT per product that has no multiplier of its own
    per_product: float  # LUT per multiplier made of LUT
    spread: float  # of all but the multipliers, in a layer of many weights
    pipeline: Pipeline

    def lut_of(self, nnz: Any, waiting: Any, reuse_factor: int) -> Any:
        """Return LUT outside multipliers, of numbers or arrays of them."""
        per = self.per_weight + self.per_weight_unrolled * (reuse_factor == UNROLLED)
        return per * nnz + self.per_waiting * waiting


def fit_dense(given: Sequence[Row]) -> DenseFit:
    """Fit rows of two networks or more, as those of the set "dense".

    Bands are conformal: each network is predicted from the others, and 90 % of those errors lie inside the band.
    """
    networks = sorted({str(row["task"]) for row in given})
    if len(networks) < 2:
        raise BadInput(f"rows of {len(networks)} network: bands need two or more")
    errors, pipeline = list[float](), fit_pipeline(given)
    for network in networks:
        other = _fitted([row for row in given if row["task"] != network], pipeline)
        for row in (row for row in given if row["task"] == network):
            mine, waiting = multipliers(row)
            rest = row["LUT"] - other.per_product * mine * (row["multiplier_pragma"] == "LUT")
            error = _log(rest, other.lut_of(row["nnz"], waiting, row["reuse_factor"]))
            errors.append(error / of_few(row["nnz"]))
    return replace(_fitted(given, pipeline), spread=half_width(errors))


@dataclass(frozen=True)
class RatioFit:
    """A figure as a multiple of another: value, low and high of the ratio."""

    value: float
    low: float
    high: float
    few: float = 0.0  # of what is predicted, that a small design may be off in any case


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


@dataclass(frozen=True)
class CircuitFit:
    """LUT of circuits of adders; spread is the half-width of log(true / value)."""

    per_cost: float  # of this package's graph, where the compiler made its own
    per_bit: float  # that a constant is added to, or that saturation or a ReLU chooses
    spread: float
    few: float  # LUT that a small circuit may be off in any case

    def of(self, cost: float, bits: float) -> tuple[float, float]:
        """Return LUT, and the half-width of its logarithm: what bits take varies more than what adders do."""
        value = self.per_cost * cost + self.per_bit * bits
        return value, self.spread * (1 + (_BITS_VARY - 1) * self.per_bit * bits / value) if value else 0.0


def fit_circuits(given: Sequence[Row]) -> CircuitFit:
    """Fit rows as those of the set "circuits", combinational and pipelined figures alike; the band is conformal over fifths."""
    shares, numbers = list[float](), list[float]()
    for fold in range(5):
        others = _circuits([row for place, row in enumerate(given) if place % 5 != fold])
        for row in given[fold::5]:
            value, wider = others.of(row["cost"], row["bits"])
            for true in (row["LUT"], row["LUT_pipelined"]):
                if value < _SMALL:
                    numbers.append(true - value)
                else:
                    shares.append(_log(true, value) / wider)
    return replace(_circuits(given), spread=half_width(shares), few=half_width(numbers) if numbers else 0.0)


@cache
def circuit_fit() -> CircuitFit:
    """Return the fit to circuits of random layers and small networks."""
    return fit_circuits(rows("circuits"))


def fit_registers(given: Sequence[Row]) -> RatioFit:
    """Fit FF over the bits that registers are counted to hold, of rows as those of the set "circuits"."""
    small, large = ([row for row in given if (row["registers"] < _SMALL) is few] for few in (True, False))
    found = fit_ratio(large, lambda row: row["FF_pipelined"] / row["registers"])
    few = half_width([row["FF_pipelined"] - found.value * row["registers"] for row in small]) if small else 0.0
    return replace(found, few=few)


@cache
def register_fit() -> RatioFit:
    """Return the fit of registers to circuits of random layers and small networks."""
    return fit_registers(rows("circuits"))


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
    """Return FF over LUT: midway between routed networks and small circuits, which hold more; the band is of both together."""
    routed = fit_ratio(rows("routed"), lambda row: row["FF"] / row["LUT"])
    small = fit_ratio(rows("circuits"), lambda row: row["FF_pipelined"] / row["LUT_pipelined"])
    return RatioFit(sqrt(routed.value * small.value), min(routed.low, small.low), max(routed.high, small.high))


def _cost_terms(row: Row) -> list[Any]:
    """Return logarithms: adders without sharing, digits per output, input and weight, and about the width of an adder."""
    digits = np.maximum(row["csd_digits_total"], 1)
    ways = (np.maximum(digits - row["n_out"], 1), digits / row["n_out"], digits / row["n_in"], digits / np.maximum(row["nnz"], 1))
    return [1.0, *(np.log(way) for way in ways), log(row["input_bits"] + row["weight_bits"] / 2 + 1)]


def _fitted(given: Sequence[Row], pipeline: Pipeline) -> DenseFit:
    """Return the coefficients of LUT by least relative squares, a spread of one."""
    columns = list[tuple[float, float, float, float]]()
    for row in given:
        mine, waiting = multipliers(row)
        nnz, unrolled = float(row["nnz"]), row["reuse_factor"] == UNROLLED
        columns.append((nnz, nnz * unrolled, waiting, mine * (row["multiplier_pragma"] == "LUT")))
    scaled = np.array(columns) / np.array([row["LUT"] for row in given], np.float64)[:, None]
    one, two, three, four = np.linalg.lstsq(scaled, np.ones(len(given)), rcond=None)[0].tolist()
    return DenseFit(one, two, three, four, 1.0, pipeline)


def _circuits(given: Sequence[Row]) -> CircuitFit:
    """Return the coefficients by least relative squares of both figures, a spread of one."""
    terms = np.array([(row["cost"], row["bits"]) for row in given for _ in range(2)], np.float64)
    of = np.array([row[lut] for row in given for lut in ("LUT", "LUT_pipelined")], np.float64)
    per_cost, per_bit = np.linalg.lstsq(terms / of[:, None], np.ones(len(of)), rcond=None)[0].tolist()
    return CircuitFit(per_cost, per_bit, 1.0, 0.0)


def _lut_per_cost(row: Row) -> float:
    return float(row["LUT"] / row["da4ml_cost"])


def _quantiles(logs: Array) -> tuple[float, float]:
    low, high = np.quantile(logs, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]).tolist()
    return low, high


def _log(true: float, value: float) -> float:
    return float(np.log(true / value))
