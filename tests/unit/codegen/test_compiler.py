"""The compiler: which one is taken, what it is told, and what is said where none works."""

import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ngtbench.codegen import compiler as module
from ngtbench.codegen.compiler import Compiler, find, macros_of, register
from ngtbench.codegen.process import run
from ngtbench.errors import BadInput, Unavailable

Script = Callable[[str], Path]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NGTBENCH_CXX", "CXX", "NGTBENCH_ISA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def real(tool: Callable[[str, str], str]) -> str:
    return tool("g++", "install g++")


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Return a function that makes a compiler of a shell script, and has it asked for."""

    def write(text: str) -> Path:
        path = tmp_path / "fake-c++"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        monkeypatch.setenv("NGTBENCH_CXX", str(path))
        return path

    return write


def test_the_compiler_of_this_machine_works(real: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find()
    assert found is find()
    assert found.path == real and found.family in ("gcc", "clang") and found.version
    assert found.width_b in (8, 16, 32, 64, 128, 256) and found.isa in found.description
    monkeypatch.setenv("CXX", "c++-of-nobody")
    with pytest.raises(Unavailable, match=r"c\+\+-of-nobody: not found"):
        find()
    monkeypatch.setenv("NGTBENCH_CXX", f"{real} -g0")
    assert find().flags[0] == "-g0"


def test_no_compiler_is_said_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("", str(tmp_path)):
        monkeypatch.setenv("PATH", path)
        with pytest.raises(Unavailable, match=r"g\+\+: not found; clang\+\+: not found; c\+\+: not found") as raised:
            find()
        assert raised.value.remedy.startswith("install g++")


def test_a_broken_compiler_is_quoted(script: Script) -> None:
    path = script("for k in 1 2 3 4 5 6; do echo licence $k expired >&2; done; exit 1")
    with pytest.raises(Unavailable) as raised:
        find()
    assert f"`{path} -std=gnu++17" in raised.value.reason
    assert "licence 1 expired\nlicence 2 expired" in raised.value.reason
    assert "licence 5" not in raised.value.reason


SAVES = "for last; do :; done;"  # -o FILE comes last


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f"{SAVES} echo garbage > $last", "cannot be loaded and called: OSError: .*invalid ELF header|file too short"),
        (
            f"{SAVES} echo 'extern \"C\" int probe(int) {{ __builtin_trap(); }}' | g++ -shared -fPIC -x c++ - -o $last",
            r"Illegal instruction|\b[Tt]rap|exit code 13",
        ),
        (f"{SAVES} echo 'extern \"C\" int probe(int) {{ return 9; }}' | g++ -shared -fPIC -x c++ - -o $last", "exit code 1$"),
        ("exit 0", "writes nothing"),
        ("kill -9 $$", "exit code 137|Killed"),
    ],
)
def test_what_it_compiles_must_work(body: str, said: str, script: Script, real: str) -> None:
    script(body)
    with pytest.raises(Unavailable) as raised:
        find()
    assert re.search(said, raised.value.reason), raised.value.reason


def test_a_broken_compiler_is_passed_over(tmp_path: Path, real: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("g++", "exit 1"), ("clang++", "exit 1"), ("c++", f'exec {real} "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert find().path == str(tmp_path / "c++")


@pytest.mark.parametrize(
    ("refused", "openmp"), [("-fopenmp", False), (module._TARGET.get(platform.machine(), "-mcpu=native"), True)]
)
def test_a_flag_it_does_not_know_is_left_out(refused: str, openmp: bool, script: Script, real: str) -> None:
    script(f'for word; do [ "$word" = "{refused}" ] && {{ echo unknown $word >&2; exit 1; }}; done; exec {real} "$@"')
    found = find()
    assert refused not in found.flags
    assert found.openmp == openmp == ("-fopenmp" in found.flags) == ("threads=1" not in found.description)


X86 = "#define __SSE2__ 1\n#define __x86_64__ 1\n"
SVE = "#define __ARM_NEON 1\n#define __ARM_FEATURE_SVE 1\n"


@pytest.mark.parametrize(
    ("text", "sve_b", "wanted"),
    [
        (X86, None, ("SSE2", 16)),
        (X86 + "#define __AVX__ 1\n", None, ("AVX", 32)),
        (X86 + "#define __AVX__ 1\n#define __AVX2__ 1\n", None, ("AVX2", 32)),
        (X86 + "#define __AVX__ 1\n#define __AVX2__ 1\n#define __AVX512F__ 1\n", None, ("AVX-512", 64)),
        ("#define __ARM_NEON 1\n", None, ("NEON", 16)),
        (SVE, 16, ("NEON", 16)),
        (SVE, None, ("NEON", 16)),
        (SVE, 32, ("SVE 256", 32)),
        (SVE, 64, ("SVE 512", 64)),
        ("#define __riscv 1\n#define __AVX512F__OR(x) x\n", None, ("scalar", 8)),
        ("", None, ("scalar", 8)),
    ],
)
def test_registers_are_read_from_macros(text: str, sve_b: int | None, wanted: tuple[str, int]) -> None:
    assert register(macros_of(text), sve_b) == wanted


def lists(script: Script, real: str, macros: str) -> None:
    script(f'case "$*" in *-dM*) printf "{macros}";; *) exec {real} "$@";; esac')


def test_scalable_registers_get_a_fixed_length(script: Script, real: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lists(script, real, SVE.replace("\n", "\\n"))
    monkeypatch.setattr(module, "_sve_b", lambda: 32)
    found = find()
    assert (found.isa, found.width_b, found.flags[-1]) == ("SVE 256", 32, "-msve-vector-bits=256")
    monkeypatch.setenv("NGTBENCH_ISA", "neon")
    found = find()
    assert (found.isa, found.width_b) == ("NEON", 16) and "-msve-vector-bits=256" not in found.flags


def test_clang_is_told_not_to_halve_wide_vectors(script: Script, real: str) -> None:
    lists(script, real, "#define __clang__ 1\\n#define __AVX512F__ 1\\n")
    assert (find().family, find().flags[-1]) == ("clang", "-mprefer-vector-width=512")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the flags of x86-64")
def test_registers_can_be_narrowed(real: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for isa, name, width_b in (("sse2", "SSE2", 16), ("scalar", "scalar", 8)):
        monkeypatch.setenv("NGTBENCH_ISA", isa)
        assert (find().isa, find().width_b) == (name, width_b)
    monkeypatch.setenv("NGTBENCH_ISA", "sve")
    with pytest.raises(Unavailable, match=r"NGTBENCH_ISA=sve: .* compiles for (AVX|SSE)"):
        find()
    monkeypatch.setenv("NGTBENCH_ISA", "avx1024")
    with pytest.raises(BadInput, match="NGTBENCH_ISA=avx1024: there are avx512, avx2"):
        find()


def test_a_command_that_is_none_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "g++ 'unended")
    with pytest.raises(BadInput, match="no command"):
        find()


def gone(pid: int) -> bool:
    """Wait up to five seconds for a process's end."""
    for _ in range(500):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_a_command_is_ended_with_all_it_started(tmp_path: Path) -> None:
    ended = run(["sh", "-c", f"sleep 300 & echo $! > {tmp_path}/pid; wait"], 0.5)
    assert ended.late and ended.code == 128 + signal.SIGKILL
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_command_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = f"from ngtbench.codegen.process import run; run(['sh', '-c', 'echo $$ > {tmp_path}/pid; sleep 300; :'], 300)"
    parent = subprocess.Popen([sys.executable, "-c", program])
    file = tmp_path / "pid"
    while not (file.exists() and file.read_text().strip()) and parent.poll() is None:
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    assert gone(int(file.read_text()))


def test_how_a_command_ends_is_told() -> None:
    assert (run(["sh", "-c", "echo a; echo b >&2; exit 3"], 60).code, run(["sh", "-c", "echo a; echo b >&2"], 60).output) == (
        3,
        "a\nb\n",
    )
    assert run(["sh", "-c", "kill -9 $$"], 60).code == 128 + signal.SIGKILL
    assert run(["/nowhere/cc"], 60).code == 127


def test_a_description_names_what_is_missing() -> None:
    assert Compiler("/cc", "gcc", "cc 1", (), "NEON", 16, False).description == "cc 1, NEON, without OpenMP: threads=1"
