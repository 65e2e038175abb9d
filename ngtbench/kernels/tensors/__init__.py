"""Kernels of the tensors family."""

from ngtbench.kernels.tensors.contract import contract, contract_memory_b

__all__ = ["contract", "contract_memory_b"]
