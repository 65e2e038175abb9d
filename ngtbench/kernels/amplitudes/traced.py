"""Matrix elements of given momenta, and of momenta that are made beside them: what the workloads time."""

from ngtbench.kernels.amplitudes import compiled, rambo
from ngtbench.kernels.amplitudes.compiled import Evaluator, Model
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics import processes
