"""What is known of an ONNX graph while its nodes are imported one after the other."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.imports import Builder
from ngtbench.kernels.fpga.varied import joined
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed


@dataclass
class Graph:
    """Constants and their types, the layer behind each other tensor, and the shape that flattened ones had."""

    builder: Builder
    constants: dict[str, Array]
    typed: dict[str, Fixed] = field(default_factory=dict)
    layer: dict[str, str] = field(default_factory=dict)
    unfolded: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def array(self, node: Any, place: int) -> Array:
        """Return a constant input of a node as float64."""
        name = node.input[place]
        if name not in self.constants:
            raise BadInput(f"its input {name!r} is no constant")
        found = np.asarray(self.constants[name])
        if found.dtype.kind not in "biuf":
            raise BadInput(f"its input {name!r} is of {found.dtype}: give real numbers")
        return found.astype(np.float64)

    def weight(self, node: Any, *names: str) -> Fixed:
        """Return a type that holds the constants of these names: those of Quant nodes, and that of weights for the others."""
        known = [self.typed[name] for name in names if name in self.typed]
        if len(known) < len(names) or not known:
            known.append(self.builder.types.of_weights(named(node)))
        return known[0] if len(known) == 1 else joined(*known)

    def before(self, node: Any, place: int = 0) -> str:
        """Return the layer that makes an input of a node."""
        if node.input[place] not in self.layer:
            raise BadInput(f"its input {node.input[place]!r} is made by no layer")
        return self.layer[node.input[place]]

    def passed(self, node: Any) -> None:
        """Let the output of a node be its input."""
        self.layer[node.output[0]] = self.before(node)
        if node.input[0] in self.unfolded:
            self.unfolded[node.output[0]] = self.unfolded[node.input[0]]


def named(node: Any) -> str:
    """Return the name of a node, or else of what it makes."""
    return str(node.name or next(iter(node.output), "")).strip("/").replace("/", ".")


def attributes(node: Any) -> dict[str, Any]:
    """Return what a node is told beside its inputs."""
    return {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
