"""What several test files need: running the command line, and naming a missing outside tool."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import setuptools  # noqa: F401 - torch.compile imports it, and it cannot be once a test has loaded the standard distutils

CommandLine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ngtbench(tmp_path: Path) -> CommandLine:
    """Return a function that runs the command line in an empty folder."""

    def run(*words: object, timeout: float = 120, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ngtbench", *map(str, words)]
        environment = os.environ | {"COLUMNS": "160"} | variables
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture(scope="session")
def tool() -> Callable[[str, str], str]:
    """Return a function that finds an outside tool, or skips naming the remedy; under NGTBENCH_REQUIRE_ALL it fails."""

    def find(name: str, remedy: str) -> str:
        path = shutil.which(name)
        if path is None:
            message = f"{name} is not installed: {remedy}"
            if os.environ.get("NGTBENCH_REQUIRE_ALL") == "1":
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find
