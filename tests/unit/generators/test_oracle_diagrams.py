"""The oracle against Feynman diagrams written out one by one, and against closed forms."""

import numpy as np
import pytest

from ngtbench.physics import phase_space
from ngtbench.physics.processes import parse
from ngtbench.workloads.generators import _closed, _oracle
from tests.unit.generators import diagrams
