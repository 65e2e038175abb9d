"""Which reuse factors hls4ml's Resource strategy can build."""

from math import isqrt

from ngtbench.errors import BadInput


def valid(n_in: int, n_out: int, reuse_factor: int) -> bool:
    """Tell whether Resource strategy takes this reuse factor as it is."""
    if reuse_factor < 1 or n_in * n_out % reuse_factor:
        return False
    at_once = -(-n_in * n_out // min(n_in, reuse_factor))
    return (at_once % n_out == 0 or reuse_factor >= n_in) and (reuse_factor % n_in == 0 or reuse_factor < n_in)


def nearest_valid(n_in: int, n_out: int, reuse_factor: int) -> int:
    """Return the valid reuse factor that is nearest; the smaller of two."""
    if reuse_factor < 1:
        raise BadInput(f"reuse factor {reuse_factor}: give a whole number from 1")
    size = n_in * n_out
    divisors = {one for small in range(1, isqrt(size) + 1) if size % small == 0 for one in (small, size // small)}
    return min((one for one in divisors if valid(n_in, n_out, one)), key=lambda one: (abs(one - reuse_factor), one))
