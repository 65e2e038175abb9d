"""Kernels of the tensors family."""

from ngtbench.kernels.tensors.contract import contract, contract_memory_b
from ngtbench.kernels.tensors.evolve import Evolution, evolve

__all__ = ["Evolution", "contract", "contract_memory_b", "evolve"]
