"""Fixed-point numbers and what multiplying by a constant costs, as oracles and kernels agree on them."""
