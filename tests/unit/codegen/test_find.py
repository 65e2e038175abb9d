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
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert [path.relative_to(tmp_path).as_posix() for path in find.assigning(tmp_path)] == ["deep/er.py", "plain.py", "typed.py"]


def test_the_hopping_term_is_listed() -> None:
    entry = next(one for one in find.listing("float32") if one.name == "wilson")
    assert (entry.module, entry.flop, entry.bytes, entry.intensity) == ("lattice.hopping", 1320, 480, 2.75)


def test_no_two_kernels_have_one_name() -> None:
    names = [entry.name for entry in find.listing()]
    assert len(names) == len(set(names)) > 0
