"""The two things a gate compares: a revision, a tree or an environment, each with a Python and a package of its own."""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ngtbench.codegen.cache import folder
from ngtbench.errors import BadInput
from ngtbench.harness.launch import START_LIMIT_S, searching
from ngtbench.model.case import Case, Job, Resources, Selection, Skip, plain
from ngtbench.model.gate import Side

_PACKAGE = "ngtbench"
_PLAN = """
import dataclasses, json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # whatever is printed while things are imported is no answer
import ngtbench
from ngtbench.discover.machine import discover
from ngtbench.errors import WorkloadError
from ngtbench.harness.plan import plan
from ngtbench.model.case import Selection
machine, found = discover(), {"jobs": {}, "skipped": {}, "package": os.path.dirname(ngtbench.__file__)}
known = {field.name for field in dataclasses.fields(Selection)}
for selection in json.load(sys.stdin):
    try:
        made = plan(machine, Selection(**{name: value for name, value in selection.items() if name in known}))
    except WorkloadError as error:
        sys.stderr.write(f"{error}\\n")
        continue
    for kind in ("jobs", "skipped"):
        for one in getattr(made, kind):
            found[kind][f"{one.case.id} on {one.resources.device}"] = dataclasses.asdict(one)
answers.write("\\n" + json.dumps(found))  # the last line, whatever was printed before we ran
answers.close()
"""

_WHERE = """
import os
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import ngtbench
answers.write("\\n" + ngtbench.__file__)
answers.close()
"""


@dataclass(frozen=True)
class Place:
    """A side, and what its workers run."""

    side: Side
    python: str
    package: Path
    root: Path  # where its pyproject.toml would be
    own_path: bool = False  # its Python finds everything by itself, whatever PYTHONPATH says here


@dataclass(frozen=True)
class Listed:
    """What a side can run, and what it says it cannot, by "case id on device"."""

    jobs: dict[str, Job]
    skipped: dict[str, Skip]


def place(asked: str) -> Place:
    """Find, and for a revision build, what the user named.

    A folder that holds the package is a tree (so "." is the working tree), one that holds `bin/python`, or a Python itself, an
    environment; all else is a revision of the repository here. Raises BadInput where it is none of these.
    """
    path = Path(asked)
    if (path / _PACKAGE / "__init__.py").is_file():
        root = path.resolve()
        commit, dirty = _state(root)
        return Place(Side(asked, "tree", commit, dirty, str(root / _PACKAGE)), sys.executable, root / _PACKAGE, root)
    python = path / "bin" / "python" if path.is_dir() else path
    if path.exists():
        return _environment(asked, python)
    return _revision(asked)


def listed(at: Place, selections: list[Selection]) -> Listed:
    """Ask a side what it would run for these selections, in a process of its own.

    Raises BadInput where it cannot say.
    """
    found = json.loads(_planned(at, json.dumps([plain(one) for one in selections])))
    if Path(found["package"]).resolve() != at.package.resolve():
        raise BadInput(f"{at.side.asked}: its Python runs {found['package']}, not {at.package}")
    return Listed(
        {key: Job(**_known(Job, _typed(one))) for key, one in found["jobs"].items()},
        {key: Skip(**_known(Skip, _typed(one))) for key, one in found["skipped"].items()},
    )


def fingerprint(at: Place) -> str:
    """Return what changes when a side's files do: a tree that is edited while it is gated is two candidates."""
    files = ((str(path), path.stat()) for path in sorted(at.package.rglob("*.py")))
    text = "".join(f"{name} {stat.st_size} {stat.st_mtime_ns}\n" for name, stat in files)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _planned(at: Place, asked: str) -> str:
    variables = searching(dict(os.environ), at.package, at.own_path)
    words = [at.python, "-P", "-c", _PLAN]
    try:
        ended = subprocess.run(
            words, input=asked, capture_output=True, text=True, env=variables, check=False, timeout=START_LIMIT_S
        )
    except subprocess.TimeoutExpired as error:
        raise BadInput(
            f"{at.side.asked}: did not say what it runs within {START_LIMIT_S:g} s: see `ngtbench discover`"
        ) from error
    if ended.returncode != 0:
        last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BadInput(f"{at.side.asked}: cannot say what it runs (exit code {ended.returncode}): {last}")
    return ended.stdout.splitlines()[-1]


def _typed(one: dict[str, Any]) -> dict[str, Any]:
    case, resources = one["case"], one["resources"]
    assert isinstance(case, dict) and isinstance(resources, dict)
    return one | {"case": Case(**_known(Case, case)), "resources": Resources(**_known(Resources, resources))}


def _known(kind: type, plain: dict[str, Any]) -> dict[str, Any]:
    """Return what this version's type has of another version's fields."""
    return {field.name: plain[field.name] for field in dataclasses.fields(kind) if field.name in plain}


def _environment(asked: str, python: Path) -> Place:
    if not os.access(python, os.X_OK) or python.is_dir():
        raise BadInput(
            f"{asked}: neither a folder with {_PACKAGE}/, nor an environment with bin/python, nor a Python "
            f"(a branch of this name: refs/heads/{asked})"
        )
    own = searching(dict(os.environ), None, own_path=True)
    ended = subprocess.run([python, "-P", "-c", _WHERE], capture_output=True, text=True, env=own, check=False)
    if ended.returncode != 0:
        last = (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]
        raise BadInput(f"{asked}: its Python cannot import ngtbench ({last}): install it there")
    package = Path(ended.stdout.splitlines()[-1]).parent
    commit, dirty = _state(package.parent)
    side = Side(asked, "environment", commit, dirty, str(package))
    return Place(side, str(python.absolute()), package, Path.cwd(), own_path=True)


def _revision(asked: str) -> Place:
    root, refused = _git("rev-parse", "--show-toplevel")
    if root is None:
        raise BadInput(f"{asked}: no file, tree or environment of this name, and no git repository is here ({refused})")
    commit = None if asked.startswith("-") else _git("rev-parse", "--verify", "--quiet", f"{asked}^{{commit}}")[0]
    if commit is None:
        why = "the repository here has no such revision (fetch it first)"
        raise BadInput(f"{asked}: no file, tree or environment of this name, and {why}")
    built = folder() / "revisions" / commit
    if not built.is_dir():
        _build(Path(root), commit, built)
    package = built / _PACKAGE
    if not (package / "__init__.py").is_file():
        raise BadInput(f"{asked}: revision {commit[:12]} has no {_PACKAGE}/: is this the right repository?")
    return Place(Side(asked, "revision", commit, False, str(package)), sys.executable, package, built)


def _build(root: Path, commit: str, built: Path) -> None:
    """Lay out the revision's files; only a whole tree gets its name, whoever is killed meanwhile.

    Raises BadInput where there is no room.
    """
    try:
        built.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=built.parent) as scratch:
            archive, tree = Path(scratch, "tree.tar"), Path(scratch, "tree")
            subprocess.run(["git", "-C", root, "archive", "--output", archive, commit], check=True, capture_output=True)
            with tarfile.open(archive) as packed:
                packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and later have it
                packed.extractall(tree)
            if not built.is_dir():
                shutil.move(tree, built)
    except subprocess.CalledProcessError as error:
        raise BadInput(f"revision {commit[:12]} cannot be laid out: {error.stderr.decode(errors='replace').strip()}") from error
    except OSError as error:
        raise BadInput(f"{built}: revision cannot be laid out: {error.strerror or error}; set XDG_CACHE_HOME") from error
    except tarfile.TarError as error:  # a link out of the tree
        raise BadInput(f"revision {commit[:12]} cannot be laid out: {error}; gate a tree or an environment of it") from error


def _state(root: Path) -> tuple[str | None, bool | None]:
    if not (root / ".git").exists():
        return None, None
    commit, _ = _git("-C", str(root), "rev-parse", "HEAD")
    changed, _ = _git("-C", str(root), "status", "--porcelain")
    return commit, None if changed is None else bool(changed)


def _git(*words: str) -> tuple[str | None, str]:
    """Return what git answers, or None; and what it says of its refusal, such as whose the repository is."""
    try:
        ended = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except OSError as error:
        return None, f"git: {error.strerror}"
    return ended.stdout.strip() if ended.returncode == 0 else None, (ended.stderr.strip().splitlines() or [""])[0]
