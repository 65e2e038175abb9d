"""Tensor networks."""

from ngtbench.adapters.asv import door

MpsClassifier = door("tensors/mps_classifier")
MpsTraining = door("tensors/mps_training")
StateVector = door("tensors/state_vector")
StateGradient = door("tensors/state_gradient")
Contraction = door("tensors/contraction")
CircuitAmplitude = door("tensors/circuit_amplitude")
PathSearch = door("tensors/path_search")
Tebd = door("tensors/tebd")
Quench = door("tensors/quench")
TensorSvd = door("tensors/tensor_svd")
Dmrg = door("tensors/dmrg")
