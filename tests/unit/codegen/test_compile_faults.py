"""Kernels that cannot be kept where they should, and kernels that do not compile."""

import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ngtbench.codegen import cache
from ngtbench.codegen.cache import library, listing
from ngtbench.codegen.compiler import Compiler
from ngtbench.errors import CompileError, Unavailable
from tests.unit.codegen.smallest import SCRIPT, SOURCE, works


def test_a_folder_that_cannot_be_used_is_done_without(home: Path, compiler: Compiler) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("a file where the folder should be")
    built = library("six", SOURCE, compiler)
    assert works(built) and built.compile_s > 0
    assert "cache folder cannot be used" in built.said and str(home) in built.said and "temporary folder" in built.said
    assert library("six", SOURCE, compiler).compile_s == 0
    assert not list(built.path.parent.glob(".building-*"))


def test_a_temporary_folder_goes_with_the_process(home: Path, tmp_path: Path, compiler: Compiler) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("a file where the folder should be")
    (tmp_path / "temporary").mkdir()
    variables = os.environ | {"TMPDIR": str(tmp_path / "temporary")}
    ended = subprocess.run([sys.executable, "-c", SCRIPT], env=variables, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("True cache folder cannot be used")
    assert not list((tmp_path / "temporary").iterdir())


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/none")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    built = library("six", SOURCE, compiler)
    assert built.path.is_relative_to(tmp_path)
    assert built.said == f"the user's cache cannot be written: compiled into {built.path.parent}"


def test_a_full_disk_is_done_without(home: Path, wrapped: Callable[[str], Compiler]) -> None:
    full = 'case "$*" in *kernels/.building-*) echo "fatal error: error writing: No space left on device" >&2; exit 1;; esac'
    built = library("six", SOURCE, wrapped(full))
    assert works(built) and not built.path.is_relative_to(home)
    assert "No space left on device" in built.said and str(home) in built.said


def test_nowhere_to_write_is_unavailable(home: Path, compiler: Compiler) -> None:
    program = (
        "import resource, sys\nfrom ngtbench.codegen.cache import library\nfrom ngtbench.codegen.compiler import find\n"
        "from ngtbench.errors import Unavailable\nfound = find()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
        f"try:\n    library('six', {SOURCE!r}, found)\nexcept Unavailable as error:\n    print(error)\n"
    )
    for limit in (10, 4096):  # too little for the source, and for the library
        ended = subprocess.run([sys.executable, "-c", program, str(limit)], capture_output=True, text=True, check=False)
        assert "a compiled kernel can be kept nowhere" in ended.stdout, ended.stderr
        assert "set XDG_CACHE_HOME or TMPDIR" in ended.stdout
        assert not list(home.glob(".building-*"))


def test_code_that_may_not_be_loaded_from_the_folder_is_compiled_elsewhere(
    home: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ctypes.CDLL

    def load(path: str) -> Any:
        if Path(path).is_relative_to(home):
            raise OSError(f"{path}: failed to map segment from shared object")
        return real(path)

    monkeypatch.setattr(ctypes, "CDLL", load)
    built = library("six", SOURCE, compiler)
    assert works(built) and "failed to map segment" in built.said


def test_a_kernel_that_is_wrong_is_quoted(home: Path, compiler: Compiler) -> None:
    source = "".join(f"int f{k}() {{ return undeclared_{k}; }}\n" for k in range(20))
    with pytest.raises(CompileError) as raised:
        library("bad one", source, compiler)
    text = str(raised.value)
    assert text.startswith("kernel bad one does not compile:\n") and "undeclared_0" in text and "undeclared_9" not in text
    assert f"\ncommand: {compiler.path} " in text
    assert Path(text.partition("source kept: ")[2]).read_text() == source
    assert not list(home.glob("*.so")) and listing() == []


def test_a_name_that_is_missing_is_the_kernels_fault(home: Path, compiler: Compiler) -> None:
    with pytest.raises(CompileError, match="undefined symbol: elsewhere"):
        library("open", 'extern "C" int elsewhere(void); extern "C" int f(void) { return elsewhere(); }', compiler)


def test_a_compiler_that_was_killed_is_no_fault_of_the_kernel(home: Path, wrapped: Callable[[str], Compiler]) -> None:
    with pytest.raises(Unavailable, match="kernel six: the compiler was killed, most often for want of memory"):
        library("six", SOURCE, wrapped("kill -9 $$"))


def test_a_compilation_has_a_time_limit(home: Path, wrapped: Callable[[str], Compiler], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT_S", 0.2)
    with pytest.raises(CompileError, match=r"no end within 0\.2 s"):
        library("six", SOURCE, wrapped("sleep 300"))
    assert not list(home.glob(".building-*"))
