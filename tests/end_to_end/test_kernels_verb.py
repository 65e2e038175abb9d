"""`ngtbench kernels`: what is listed, what `--compile` finds out, and texts that compilers take."""

import ctypes
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ngtbench.cli import kernels
from ngtbench.codegen import find
from tests.conftest import CommandLine

HEAVY = ("torch", "cupy", "numba", "pandas", "plotly", "jinja2")
NVCC = r"""#!/bin/sh
[ "$1" = --version ] && echo "Build 13.9" && exit
echo call >> {log}
for word; do case $word in -arch=*) arch=${{word#-arch=}};; *.cu) text=$word;; esac; done
name=$(sed -n 's/.*__launch_bounds__([0-9]*) \([a-z0-9_]*\)($/\1/p' $text)
[ $arch = sm_89 ] && spill=24 || spill=0
echo "ptxas info    : Compiling entry function '$name' for '$arch'
ptxas info    : Function properties for $name
    $spill bytes stack frame, $spill bytes spill stores, $spill bytes spill loads
ptxas info    : Used 97 registers, used 0 barriers, 440 bytes cmem[0]"
"""


@pytest.fixture
def here(ngtbench: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line with an empty cache, and an nvcc that says the same of every kernel."""
    for name in ("NGTBENCH_CXX", "CXX", "NGTBENCH_ISA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NVCC", str(script(tmp_path / "nvcc", NVCC.format(log=tmp_path / "log"))))
    return ngtbench


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def listed(ended: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert document["schema"] == "ngtbench.kernels/1"
    return {row["kernel"]: row for row in document["kernels"]}


def row(text: str, name: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith(f"{name} "))


def test_every_kernel_is_listed(here: CommandLine) -> None:
    ended = here("kernels")
    assert ended.returncode == 0, ended.stderr
    for entry in find.listing():
        assert row(ended.stdout, entry.name)[1:3] == [str(entry.flop), str(entry.moved_b("float64"))]
    assert row(ended.stdout, "wilson") == ["wilson", "1320", "960", "1.38", "96", "–", "–", "–", "–"]
    assert row(ended.stdout, "momentum") == ["momentum", "8", "96", "0.08", "0", "–", "–", "–", "–"]
    assert "nvcc: " in ended.stderr and "Build 13.9" in ended.stderr


def test_json_has_the_operations_of_one_precision(here: CommandLine) -> None:
    rows = listed(here("kernels", "staggered-8", "cg-descend", "wilson", "--dtype", "float32", "--json"))
    assert list(rows) == ["staggered-8", "cg-descend", "wilson"]
    assert rows["cg-descend"]["operations"] == {"add": 48, "load": 72, "mul": 48}
    assert {"const", "scalar"}.isdisjoint(rows["staggered-8"]["operations"])
    wilson = rows["wilson"]
    assert (wilson["module"], wilson["flop"], wilson["bytes"], wilson["flop_per_byte"]) == ("lattice.hopping", 1320, 480, 2.75)
    assert wilson["operations"]["move"] == 96 and wilson["operations"]["load"] == 8 * 24 + 8 * 18
    assert sum(wilson["operations"][kind] for kind in ("add", "sub", "mul")) == 1320
    assert wilson["per"] == "site" and wilson["host"] is None and wilson["gpu"] == {"sm_80": None, "sm_89": None, "sm_90": None}


def test_json_has_a_block_of_a_tape(here: CommandLine) -> None:
    gluon = listed(here("kernels", "gluon", "--dtype", "float32", "--json"))["gluon"]
    assert (gluon["module"], gluon["per"], gluon["bytes"]) == ("amplitudes.generate", "event", 4 * 41)
    assert sum(gluon["operations"][kind] for kind in ("add", "sub", "mul")) == gluon["flop"] > 0


def test_what_is_compiled_is_known_afterwards(here: CommandLine, tool: Callable[[str, str], str], tmp_path: Path) -> None:
    tool("g++", "install g++")
    ended = here("kernels", "--compile", "wilson")
    assert ended.returncode == 0, ended.stderr
    assert row(ended.stdout, "wilson")[-5:] == ["97", "97,", "48", "B", "97"]
    calls = (tmp_path / "log").read_text().count("call")
    assert here("kernels", "--compile", "wilson").stdout == ended.stdout
    rows = listed(here("kernels", "--json"))
    assert (tmp_path / "log").read_text().count("call") == calls == 3
    host, gpu = rows["wilson"]["host"], rows["wilson"]["gpu"]
    assert host["compile_s"] > 0 and host["isa"] in ended.stderr
    assert str(tmp_path / "cache") in host["command"]
    assert {arch: (one["registers"], one["spill_b"]) for arch, one in gpu.items()} == {
        "sm_80": (97, 0),
        "sm_89": (97, 48),
        "sm_90": (97, 0),
    }
    assert rows["clover"]["host"] is None
    assert listed(here("kernels", "wilson", "--json", "--dtype", "float32"))["wilson"]["host"] is None


@pytest.mark.parametrize("words", [[], ["--dtype", "float32"], ["--lanes", "4"]])
def test_the_text_for_a_processor_compiles(
    here: CommandLine, tool: Callable[[str, str], str], tmp_path: Path, words: list[str]
) -> None:
    tool("g++", "install g++")
    ended = here("kernels", "show", "wilson-even", *words)
    assert ended.returncode == 0, ended.stderr
    command = next(line for line in ended.stderr.splitlines() if " -O3 " in line).partition(": ")[2]
    made = tmp_path / "made.so"
    piped = [*shlex.split(command), "-x", "c++", "-", "-o", str(made)]
    compiled = subprocess.run(piped, input=ended.stdout, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
    assert ctypes.CDLL(str(made))["wilson_even"]
    assert ("typedef float T;" in ended.stdout) == ("float32" in words)
    assert ("enum { W = 4 };" in ended.stdout) == ("--lanes" in words)


def test_the_other_texts(here: CommandLine) -> None:
    device, python = (here("kernels", "show", "cg-descend", "--target", target) for target in ("cuda", "numba"))
    assert "__global__" in device.stdout and "enum { W = 32 };" in device.stdout
    assert "enum { W = 8 };" in here("kernels", "show", "cg-descend", "--target", "cuda", "--lanes", "8").stdout
    pytest.importorskip("numba", reason="numba is not installed: pip install 'ngtbench[cpu]'")
    names: dict[str, Any] = {}
    exec(python.stdout, names)
    assert names["T"].__name__ == "float64" and callable(names["site"]) and callable(names["visit"])


@pytest.mark.parametrize(("dtype", "lanes"), [("float64", 8), ("float32", 16)])
def test_without_a_compiler_texts_are_shown(here: CommandLine, dtype: str, lanes: int) -> None:
    ended = here("kernels", "show", "wilson", "--dtype", dtype, PATH="/nowhere")
    assert ended.returncode == 0
    assert ended.stderr.startswith("no C++ compiler works: g++: not found") and "apt install g++" in ended.stderr
    assert f"enum {{ W = {lanes} }};" in ended.stdout


def test_without_a_compiler_nvcc_compiles(here: CommandLine) -> None:
    ended = here("kernels", "--compile", "wilson", PATH="/nowhere:/bin:/usr/bin", NGTBENCH_CXX="nothing")
    assert ended.returncode == 0, ended.stderr
    assert "no C++ compiler works: nothing: not found" in ended.stderr
    assert row(ended.stdout, "wilson")[5:7] == ["–", "97"]
    assert ended.stdout.endswith("(ngtbench kernels --compile); no C++ compiler here\n")


def test_without_any_compiler_nothing_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NGTBENCH_CXX", "nothing")
    monkeypatch.setattr(shutil, "which", lambda name, **more: None)
    assert kernels.command(["wilson"], "float64") == 0
    assert kernels.command(["wilson"], "float64", compiling=True) == 3
    said = capsys.readouterr()
    assert "no nvcc" in said.err and "install the CUDA toolkit" in said.err
    assert "; no C++ compiler here; no nvcc here" in said.out


def test_a_block_of_a_tape_is_compiled_and_known_afterwards(here: CommandLine, tool: Callable[[str, str], str]) -> None:
    tool("g++", "install g++")
    ended = here("kernels", "--compile", "column_2_width")
    assert ended.returncode == 0, ended.stderr
    isa = ended.stderr.partition(":")[0].split()[-1]
    assert " ".join(row(ended.stdout, "column_2_width")[6:]) == f"s {isa} 97 97, 48 B 97"
    again = listed(here("kernels", "--json"))["column_2_width"]
    assert again["host"]["compile_s"] > 0 and again["gpu"]["sm_90"]["registers"] == 97


def test_what_a_compiler_rejects_is_quoted(here: CommandLine, tool: Callable[[str, str], str], tmp_path: Path) -> None:
    real = tool("g++", "install g++")
    picky = 'case "$*" in *kernels/wilson-8*) echo "wilson.cpp:7: error: too many links" >&2; exit 1;; esac'
    wrapper = script(tmp_path / "picky", f'#!/bin/sh\n{picky}\nexec {real} "$@"\n')
    ended = here("kernels", "--compile", "wilson-8", "cg-advance", NGTBENCH_CXX=str(wrapper), NVCC=shutil.which("false") or "")
    assert ended.returncode == 1
    assert "kernel wilson-8 does not compile:\nwilson.cpp:7: error: too many links\ncommand: " in ended.stderr
    assert f"command: {wrapper} -std=gnu++17" in ended.stderr and "Traceback" not in ended.stderr
    assert "rejects the kernel" in ended.stderr  # nvcc, too
    assert row(ended.stdout, "wilson-8")[5:] == ["rejected"] * 4
    assert row(ended.stdout, "cg-advance")[6] == "s"


def test_a_cache_that_cannot_be_written_is_said(here: CommandLine, tool: Callable[[str, str], str], tmp_path: Path) -> None:
    tool("g++", "install g++")
    (tmp_path / "cache" / "ngtbench").mkdir(parents=True)
    (tmp_path / "cache" / "ngtbench" / "kernels").write_text("a file where the folder should be")
    ended = here("kernels", "--compile", "cg-advance", "cg-descend")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("ngtbench: cache folder cannot be used") == 1
    assert row(ended.stdout, "cg-advance")[6] == "s"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["wilsn"], "no kernel 'wilsn': near are wilson"),
        (["show", "xyzzy"], "no kernel 'xyzzy': there are wilson, "),
        (["show", "gluons"], "no kernel 'gluons': near are gluon, "),
        (["show"], "show takes the name of one kernel"),
        (["show", "wilson", "--json"], "show takes the name of one kernel"),
        (["wilson", "--target", "cuda"], "ngtbench kernels show NAME"),
        (["--lanes", "4"], "ngtbench kernels show NAME"),
        (["--dtype", "float16"], "no dtype 'float16': kernels are written in float64, float32"),
        (["show", "wilson", "--target", "fortran"], "no target 'fortran': there are cpp, cuda, numba"),
        (["show", "wilson", "--lanes", "3"], "3 lanes: an even-odd lattice of 8x8x8x8 has 1, 2, 4 ... 256"),
        (["show", "wilson", "--target", "cuda", "--lanes", "512"], "512 lanes: "),
        (["show", "wilson", "--target", "numba", "--lanes", "4"], "4 lanes: numba's kernels take one lane"),
        (["show", "gluon", "--target", "numba"], "gluon: no target 'numba': there are cpp, cuda"),
        (["show", "gluon", "--lanes", "3"], "3 lanes: events of a tape are taken in 1, 2, 4 ... 128"),
    ],
)
def test_bad_words(here: CommandLine, words: list[str], said: str) -> None:
    ended = here("kernels", *words)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert said in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr and ended.stdout == ""


def test_registers_that_do_not_exist_are_bad_input(here: CommandLine) -> None:
    ended = here("kernels", NGTBENCH_ISA="avx1024")
    assert ended.returncode == 2
    assert "NGTBENCH_ISA=avx1024: there are avx512" in ended.stderr


@pytest.mark.parametrize("words", [["kernels"], ["kernels", "show", "wilson"], ["kernels", "show", "gluon", "--target", "cuda"]])
def test_no_framework_is_imported(words: list[str], tmp_path: Path) -> None:
    program = (
        f"import sys\nsys.argv = ['ngtbench', *{words!r}]\nfrom ngtbench.cli import main\ntry:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"loaded = set({HEAVY!r}) & set(sys.modules)\nassert not loaded, loaded"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout
