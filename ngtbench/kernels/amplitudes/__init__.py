"""Matrix elements of QCD processes."""

from ngtbench.kernels.amplitudes.evaluate import matrix_element_squared

__all__ = ["matrix_element_squared"]
