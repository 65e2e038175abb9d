"""Tensor networks."""

from ngtbench.adapters.asv import door

MpsClassifier = door("tensors/mps_classifier")
MpsTraining = door("tensors/mps_training")
StateVector = door("tensors/state_vector")
StateGradient = door("tensors/state_gradient")
Contraction = door("tensors/contraction")
CircuitAmplitude = door("tensors/circuit_amplitude")
