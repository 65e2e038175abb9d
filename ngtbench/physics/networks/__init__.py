"""Networks as oracles and kernels agree on them: a file each, with shapes and FLOP; parameters as the counter makes them."""
