"""Kernels are found by reading files: those that assign none are not imported, for a framework may be missing."""

from pathlib import Path

from ngtbench.codegen import find


def test_files_are_read_and_not_run(tmp_path: Path) -> None:
    texts = {
        "plain.py": "KERNELS = (1 / 0,)",
        "typed.py": "KERNELS: tuple[int, ...] = ()",
        "none.py": "import no_such_module\nKERNEL = ()",
        "inner.py": "def f():\n    KERNELS = ()",
        "deep/er.py": "A = KERNELS = []",
        "kinds.py": "KINDS = (1 / 0,)",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert [path.relative_to(tmp_path).as_posix() for path in find.assigning(tmp_path, "KERNELS")] == [
        "deep/er.py",
        "plain.py",
        "typed.py",
    ]
    assert list(find.assigning(tmp_path, "KINDS")) == [tmp_path / "kinds.py"]


def test_kernels_and_kinds_are_listed_together() -> None:
    modules = {entry.name: (entry.module, entry.per) for entry in find.listing()}
    assert modules["wilson"] == ("lattice.hopping", "site")
    assert modules["gluon"] == ("amplitudes.generate", "event")


def test_no_two_entries_have_one_name() -> None:
    names = [entry.name for entry in find.listing()]
    assert len(names) == len(set(names)) > len([kernel for found in find.kernels().values() for kernel in found]) > 0
