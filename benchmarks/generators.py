"""Event generators."""

from ngtbench.adapters.asv import door

MatrixElement = door("generators/matrix_element")
HelicitySampled = door("generators/helicity_sampled")
