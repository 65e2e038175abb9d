"""Machine learning."""

from ngtbench.adapters.asv import door

JetMlp = door("ml/jet_mlp")
DeepSets = door("ml/deepsets")
