"""Tensor networks, circuits and spin chains: what oracle and kernel agree on, and what is known of them exactly."""
