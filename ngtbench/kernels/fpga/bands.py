"""Bands that hold nine tenths of figures that were left out of a fit."""

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Any

Row = Mapping[str, Any]
COVERAGE = 0.9
_FEW = 10  # weights in a layer whose band is 1.4 times as wide


def of_few(nnz: int) -> float:
    """Return how much wider the band of a layer of few weights is than that of one of many: what single ones cost varies."""
    return sqrt(1 + _FEW / max(nnz, 1))


def half_width(errors: Sequence[float]) -> float:
    """Return the size that 90 % of errors do not exceed, for one more error from where these are from; NaN without errors."""
    if not errors:
        return float("nan")
    return sorted(abs(error) for error in errors)[min(ceil((len(errors) + 1) * COVERAGE), len(errors)) - 1]


def multiplier_limit(n_in: int, n_out: int, nnz: Any, reuse_factor: int) -> Any:
    """Return how many multipliers HLS may make: ceil(n_in n_out / RF) - floor(zeros / RF); nnz is a number, or an array."""
    return -(-n_in * n_out // reuse_factor) - (n_in * n_out - nnz) // reuse_factor


def multipliers(row: Row) -> tuple[int, int]:
    """Return how many products have a multiplier of their own, and how many wait for one."""
    products = int(row["distinct_input_weight_pairs_csd_ge3"])
    mine = min(products, multiplier_limit(row["n_in"], row["n_out"], row["nnz"], row["reuse_factor"]))
    return mine, products - mine
