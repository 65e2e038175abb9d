"""Kept kernels: compiled once, and whole whatever happens."""

import ctypes
import dataclasses
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ngtbench.codegen import cache
from ngtbench.codegen.cache import digest, library, listing, processor
from ngtbench.codegen.compiler import Compiler
from tests.unit.codegen.smallest import SCRIPT, SOURCE, works


def replaced(path: Path, content: bytes) -> None:
    """Write a new file of this name: the old one is loaded."""
    path.unlink()
    path.write_bytes(content)


def test_a_kernel_is_compiled_once(home: Path, compiler: Compiler) -> None:
    first = library("six", SOURCE, compiler)
    again = library("six", SOURCE, compiler)
    assert works(first) and works(again)
    assert first.path == again.path and first.path.parent == home
    assert first.compile_s > again.compile_s == 0
    assert first.said == again.said == ""
    assert first.path.with_suffix(".cpp").read_text() == SOURCE
    assert sorted(path.suffix for path in home.iterdir()) == [".cpp", ".json", ".so"]
    (entry,) = listing()
    assert (entry.path, entry.name, entry.compile_s) == (first.path, "six", first.compile_s)
    assert (entry.compiler, entry.isa, entry.command) == (compiler.version, compiler.isa, first.command)
    assert entry.created.endswith("+00:00")


def test_the_command_that_is_told_can_be_repeated(home: Path, compiler: Compiler) -> None:
    built = library("six", SOURCE, compiler, ("-lm",))
    replaced(built.path, b"")
    subprocess.run(shlex.split(built.command), check=True)
    assert hashlib.sha256(built.path.read_bytes()).hexdigest() == listing()[0].sha256
    assert "-lm" in built.command


def test_nan_stays_nan(home: Path, compiler: Compiler) -> None:
    source = 'extern "C" int odd(double x) { return x != x; }'
    function = library("odd", source, compiler).cdll.odd
    function.argtypes = [ctypes.c_double]
    assert function(float("nan")) == 1
    assert function(1.0) == 0


@pytest.mark.parametrize("harm", ["half", "junk", "description", "no description"])
def test_what_is_not_whole_is_compiled_anew(harm: str, home: Path) -> None:
    def asked() -> str:  # in a process of its own, for to load half a library ends it
        return subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout

    assert asked().startswith("True")
    made, told = next(home.glob("*.so")), next(home.glob("*.json"))
    if harm == "half":
        replaced(made, made.read_bytes()[: made.stat().st_size // 2])
    elif harm == "junk":  # whole, but of another machine
        replaced(made, b"\x7fELF junk")
        told.write_text(json.dumps(json.loads(told.read_text()) | {"sha256": hashlib.sha256(made.read_bytes()).hexdigest()}))
    elif harm == "description":
        told.write_text("{")
    else:
        told.unlink()
    assert asked().startswith("True")
    assert asked().startswith("False")


def test_what_changes_a_library_changes_its_key(compiler: Compiler) -> None:
    def key(source: str = SOURCE, extra: tuple[str, ...] = (), cpu: str = "a", **changes: Any) -> str:
        return digest(source, dataclasses.replace(compiler, **changes), extra, cpu)

    others = [
        key(source=SOURCE + "\n"),
        key(extra=("-lm",)),
        key(cpu="b"),
        key(flags=(*compiler.flags, "-g")),
        key(version="13"),
        key(path="/other/g++"),
    ]
    assert key() == key()
    assert len({key(), *others}) == 7


def test_the_emitters_version_is_part_of_the_key(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(SOURCE, compiler, (), "a")
    monkeypatch.setattr(cache, "EMITTER", "another")
    assert digest(SOURCE, compiler, (), "a") != before


def test_a_processor_is_its_model_and_features(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"

    def told(model: str = "X1", mhz: str = "1000.0", flags: str = "fpu avx2") -> str:
        block = f"processor\t: 0\nmodel name\t: {model}\ncpu MHz\t\t: {mhz}\nflags\t\t: {flags}\nbugs\t: spectre\n"
        file.write_text(f"{block}\n{block.replace('0', '1')}")
        return processor(file)

    assert told() == told(mhz="3000.0") == "model name\t: X1\nflags\t\t: fpu avx2"
    assert len({told(), told(model="X2"), told(flags="fpu avx2 avx512f")}) == 3
    file.write_text("processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n")
    assert processor(file).count("\n") == 2
    assert processor(tmp_path / "none").strip()


def test_two_processes_compile_once(home: Path, tmp_path: Path, wrapped: Callable[[str], Compiler]) -> None:
    line = f'case "$*" in *kernels/*) echo "$$" >> {tmp_path}/log; sleep 0.5;; esac'
    variables = os.environ | {"NGTBENCH_CXX": wrapped(line).path}
    asked = [subprocess.Popen([sys.executable, "-c", SCRIPT], env=variables, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = sorted(process.communicate()[0].strip() for process in asked)
    assert [process.returncode for process in asked] == [0, 0, 0]
    assert said == ["False", "False", "True"]
    assert len((tmp_path / "log").read_text().split()) == 1


def test_a_killed_compilation_leaves_no_harm(home: Path, tmp_path: Path, wrapped: Callable[[str], Compiler]) -> None:
    log, slow = tmp_path / "log", tmp_path / "slow"
    slow.touch()
    line = (
        f'case "$*" in *kernels/*) for last; do :; done; echo half > "$last"; echo $$ > {log}; [ -e {slow} ] && sleep 300;; esac'
    )
    variables = os.environ | {"NGTBENCH_CXX": wrapped(line).path}
    asked = subprocess.Popen([sys.executable, "-c", SCRIPT], env=variables)
    while not (log.exists() and log.read_text().strip()) and asked.poll() is None:
        time.sleep(0.01)
    asked.send_signal(signal.SIGKILL)
    asked.wait()
    slow.unlink()
    ended = subprocess.run([sys.executable, "-c", SCRIPT], env=variables, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "True"
    assert len(list(home.glob(".building-*"))) == 1  # of the killed one
    assert len(listing()) == 1


def test_what_was_left_long_ago_is_removed(home: Path, compiler: Compiler) -> None:
    names = {"old": (".building-old", "old.lock"), "new": (".building-new", "new.lock")}
    for age, (folder, lock) in names.items():
        (home / folder).mkdir(parents=True)
        (home / lock).touch()
        if age == "old":
            for name in (folder, lock):
                os.utime(home / name, (time.time() - 2 * 86400,) * 2)
    (home / "kept.json").write_text("no entry of ours")
    os.utime(home / "kept.json", (0, 0))
    library("six", SOURCE, compiler)
    left = {path.name for path in home.iterdir()}
    assert left.isdisjoint(names["old"]) and left.issuperset({*names["new"], "kept.json"})


def test_a_lock_that_is_never_freed_does_not_block(home: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    built = library("six", SOURCE, compiler)
    built.path.unlink()
    monkeypatch.setattr(cache, "_LOCK_S", 0.1)
    with built.path.with_suffix(".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert library("six", SOURCE, compiler).compile_s > 0


def test_what_is_kept_is_read_without_a_lock(home: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    library("six", SOURCE, compiler)
    monkeypatch.delattr(cache, "_locked")
    assert library("six", SOURCE, compiler).compile_s == 0


def test_a_file_system_without_locks_will_do(home: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(cache, "_LOCK_S", 1000.0)
    assert works(library("six", SOURCE, compiler))


def test_a_listing_passes_over_junk(home: Path, compiler: Compiler) -> None:
    assert listing() == []
    library("six", SOURCE, compiler)
    older = library("five", SOURCE.replace("6", "5"), compiler).path.with_suffix(".json")
    told = json.loads(older.read_text()) | {"created": "2020-01-01T00:00:00+00:00"}
    older.write_text(json.dumps(told))
    for k, junk in enumerate(("", "[]", "{}", "null", json.dumps(told | {"name": 3}), json.dumps(told | {"compile_s": "x"}))):
        (home / f"junk{k}.json").write_text(junk)
        (home / f"junk{k}.so").touch()
    (home / "bytes.json").write_bytes(b"\xff\xfe")
    (home / "gone.json").write_text(json.dumps(told))
    (home / "folder.json").mkdir()
    assert [entry.name for entry in listing()] == ["six", "five"]
    shutil.rmtree(home)
    assert listing() == []
