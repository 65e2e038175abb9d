"""What a gate's side may be, and what is said of a word that names none."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ngtbench
from ngtbench.errors import BadInput
from ngtbench.harness import sides
from ngtbench.model.case import Case, Resources, Selection, plain
from ngtbench.model.gate import Side

HERE = Path(ngtbench.__file__).parent
Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Return git in a repository of its own, which is the working folder, with two commits of a tiny package."""
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*words: str) -> str:
        who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        return subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()

    run("init", "--quiet", "--initial-branch", "main")
    for number in ("1", "2"):
        package = root / "ngtbench"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(f"number = {number}\n")
        run("add", "--all")
        run("commit", "--quiet", "--message", number)
    return run


def test_a_tree_is_measured_where_it_lies(git: Git) -> None:
    found = sides.place(".")
    assert (found.side.kind, found.package, found.python) == ("tree", Path("ngtbench").resolve(), sys.executable)
    assert (found.side.commit, found.side.dirty) == (git("rev-parse", "HEAD"), False)
    Path("ngtbench/__init__.py").write_text("number = 3\n")
    assert sides.place(".").side.dirty is True


def test_a_revision_is_laid_out_once_and_the_working_tree_is_left_alone(git: Git) -> None:
    Path("ngtbench/__init__.py").write_text("number = 3\n")
    found = sides.place("HEAD~1")
    assert found.side.kind == "revision"
    assert found.side.commit == git("rev-parse", "HEAD~1")
    assert (found.package / "__init__.py").read_text() == "number = 1\n"
    assert Path("ngtbench/__init__.py").read_text() == "number = 3\n"
    (found.package / "marker").touch()
    assert (sides.place("HEAD~1").package / "marker").exists(), "not laid out a second time"
    assert {path.name for path in found.package.parent.parent.iterdir()} == {found.side.commit}, "no scratch left"


@pytest.mark.parametrize("word", ["nonsense", "--help", "-x", "HEAD~9"])
def test_a_word_that_names_nothing_is_explained(git: Git, word: str) -> None:
    with pytest.raises(BadInput, match=f"{word}: no file, tree or environment of this name, and the repository here has no such"):
        sides.place(word)


def test_outside_of_a_repository_a_revision_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(BadInput, match="no git repository is here"):
        sides.place("HEAD")


def test_a_revision_without_the_package_is_explained(git: Git) -> None:
    git("rm", "-r", "--quiet", "ngtbench")
    Path("other").write_text("")
    git("add", "--all")
    git("commit", "--quiet", "--message", "gone")
    with pytest.raises(BadInput, match="has no ngtbench/: is this the right repository"):
        sides.place("HEAD")


def test_a_place_that_cannot_be_written_is_explained(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "folder", lambda: tmp_path / "file" / "below")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="revision cannot be laid out: Not a directory; set XDG_CACHE_HOME"):
        sides.place("HEAD")


def test_a_layout_that_is_cut_off_leaves_nothing_that_is_taken_for_it(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*words: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.move", full)
        with pytest.raises(BadInput, match="No space left on device"):
            sides.place("HEAD")
    found = sides.place("HEAD")
    assert (found.package / "__init__.py").read_text() == "number = 2\n"


def test_an_environment_is_its_folder_or_its_python(git: Git, tmp_path: Path) -> None:
    folder = tmp_path / "env" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    (tmp_path / "env" / "pyvenv.cfg").symlink_to(Path(sys.prefix) / "pyvenv.cfg")
    (tmp_path / "env" / "lib").symlink_to(Path(sys.prefix) / "lib")
    for word in (tmp_path / "env", folder / "python"):
        found = sides.place(str(word))
        assert (found.side.kind, found.package) == ("environment", HERE)
        assert found.python == str(folder / "python")


def test_an_environment_is_asked_without_our_path(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    (other / "ngtbench").mkdir(parents=True)
    (other / "ngtbench" / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(other))
    found = sides.place(sys.executable)
    assert found.package == HERE, "not what PYTHONPATH shows"
    assert found.own_path
    chosen = Selection(workloads=("system/launch",), impls=("numpy",), sizes=("XS",))
    assert sides.listed(found, [chosen]).jobs


def test_noise_on_stdout_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('a banner')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    here = sides.Place(Side(".", "tree", None, None, None), sys.executable, HERE, HERE.parent)
    chosen = Selection(workloads=("system/launch",), impls=("numpy",), sizes=("XS",))
    plainly = subprocess.run([sys.executable, "-c", "print('{}')"], capture_output=True, text=True, check=True)
    assert plainly.stdout == "a banner\n{}\n"
    assert sides.listed(here, [chosen]).jobs


def test_a_side_that_answers_for_another_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ngtbench").symlink_to(HERE)
    there = sides.Place(Side("x", "tree", None, None, None), sys.executable, tmp_path / "elsewhere" / "ngtbench", tmp_path)
    with pytest.raises(BadInput, match=r"x: its Python runs .*, not .*elsewhere"):
        sides.listed(there, [])


def test_an_older_version_is_asked_only_what_differs_from_the_defaults() -> None:
    assert plain(Selection(workloads=("ml",), suite="full")) == {"workloads": ("ml",), "suite": "full"}
    assert plain(Resources("cpu:0", 2, True)) == {"device": "cpu:0", "threads": 2, "bind": True}
    assert set(plain(Case("a/b", 1, "S", "numpy", "float64"))) == {"workload", "version", "size", "impl", "dtype"}
    here = sides.Place(Side(".", "tree", None, None, None), sys.executable, HERE, HERE.parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sides, "plain", lambda one: {"workloads": ["system/launch"], "sizes": ["XS"], "invented_since": True})
        assert sides.listed(here, [Selection()]).jobs


def test_a_tree_that_is_edited_has_another_fingerprint(git: Git) -> None:
    at = sides.place(".")
    before = sides.fingerprint(at)
    assert sides.fingerprint(at) == before
    Path("ngtbench/__init__.py").write_text("number = 4\n")
    assert sides.fingerprint(at) != before


def test_a_link_out_of_the_tree_is_explained(git: Git) -> None:
    Path("away").symlink_to("/etc/hostname")
    git("add", "--all")
    git("commit", "--quiet", "--message", "link")
    with pytest.raises(BadInput, match=r"cannot be laid out: .*gate a tree or an environment of it"):
        sides.place("HEAD")


def test_gits_refusal_is_passed_on(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(BadInput, match=r"no git repository is here .*dubious ownership"):
        sides.place("HEAD")


def test_an_environment_that_lacks_the_package_is_explained(git: Git, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'ngtbench'\" >&2\nexit 1\n")
    with pytest.raises(BadInput, match="nor an environment with bin/python, nor a Python"):
        sides.place(str(python))
    python.chmod(0o755)
    with pytest.raises(BadInput, match=r"cannot import ngtbench \(ModuleNotFoundError.*install it there"):
        sides.place(str(python))


def test_a_side_lists_what_it_runs_and_says_why_it_cannot() -> None:
    here = sides.Place(Side(".", "tree", None, None, None), sys.executable, HERE, HERE.parent)
    chosen = Selection(workloads=("system/launch",), impls=("numpy", "cupy"), sizes=("XS",))
    found = sides.listed(here, [chosen, Selection(workloads=("none/such",))])
    (job,) = found.jobs.values()
    assert job.case.id == "system/launch@1/XS/numpy/float64"
    assert job.resources.threads >= 1
    assert all("cupy" in skip.case.id and skip.reason for skip in found.skipped.values())


def test_a_side_that_cannot_say_what_it_runs_is_explained(git: Git) -> None:
    with pytest.raises(BadInput, match=r"cannot say what it runs \(exit code 1\): .*ngtbench"):
        sides.listed(sides.place("."), [Selection()])
