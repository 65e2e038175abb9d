"""Tools and compilers that circuits need: a test without them says what installs them."""

import importlib.util
import os
from collections.abc import Callable

import pytest

from ngtbench.kernels.fpga import circuit, synthesis

Find = Callable[[str, str], str]


@pytest.fixture
def tools(tool: Find) -> None:
    for name in ("yosys", "iverilog", "vvp"):
        tool(name, synthesis.REMEDY)


@pytest.fixture
def compilers(tools: None) -> None:
    if importlib.util.find_spec("da4ml") is None:
        message = f"da4ml is not installed: {circuit.REMEDY}"
        (pytest.fail if os.environ.get("NGTBENCH_REQUIRE_ALL") == "1" else pytest.skip)(message)
