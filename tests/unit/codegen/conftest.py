"""A real compiler, a wrapper around it, and a cache of the test's own."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from ngtbench.codegen import cache
from ngtbench.codegen.compiler import Compiler, find


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of kept kernels, empty and of this test alone; no temporary folder is kept from test to test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache._temporary.cache_clear()
    return tmp_path / "cache" / "ngtbench" / "kernels"


@pytest.fixture
def compiler(tool: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch) -> Compiler:
    for name in ("NGTBENCH_CXX", "CXX", "NGTBENCH_ISA"):
        monkeypatch.delenv(name, raising=False)
    tool("g++", "install g++")
    return find()


@pytest.fixture
def wrapped(tmp_path: Path, compiler: Compiler) -> Callable[[str], Compiler]:
    """Return a function that puts a line of shell before the real compiler."""

    def wrap(line: str) -> Compiler:
        path = tmp_path / "wrapper"
        path.write_text(f'#!/bin/sh\n{line}\nexec {compiler.path} "$@"\n')
        path.chmod(0o755)
        return dataclasses.replace(compiler, path=str(path))

    return wrap
