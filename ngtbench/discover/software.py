"""What software is here: compilers, Python packages that matter, and the state of our own checkout."""

import platform
from importlib import metadata
from pathlib import Path

from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.source import Source
from ngtbench.model.machine import Git

COMPILERS = ("gcc", "g++", "clang", "gfortran", "nvcc", "hipcc")
PACKAGES = {  # what users call it -> the names it is installed under
    **{name: (name,) for name in ("numpy", "scipy", "torch", "numba", "llvmlite", "pydantic", "psutil")},
    **{name: (name,) for name in ("nvidia-ml-py", "amdsmi", "threadpoolctl", "cotengra", "da4ml", "mpi4py")},
    "cupy": ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x", "cupy-rocm-5-0", "cupy-rocm-6-0", "cupy-rocm-7-0"),
    "triton": ("triton", "pytorch-triton", "pytorch-triton-rocm"),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-rocm"),
    "loadgen": ("mlcommons-loadgen",),
}


def compilers(source: Source) -> tuple[dict[str, str], dict[str, str]]:
    """Return the version line of each compiler, and why others have none, as "compilers.nvcc"."""
    answers = Answers()
    found = {name: answers(f"compilers.{name}", _version, source, name) for name in COMPILERS}
    return {name: line for name, line in found.items() if line}, answers.missing


def packages() -> tuple[dict[str, str], dict[str, str]]:
    """Return the versions of the packages that matter, Python first, and which are absent; imports none of them."""
    found = {"python": f"{platform.python_implementation()} {platform.python_version()}"}
    missing = {}
    for family, names in PACKAGES.items():
        here = {name: version for name in names if (version := _installed(name))}
        if not here:
            missing[f"packages.{family}"] = "not installed"
        found |= here
    return found, missing


def git(source: Source, folder: Path) -> Git:
    """Return the state of the checkout that holds the package in `folder`.

    A package installed inside somebody's checkout, say in a virtual environment there, is not part of it.
    """
    answers = Answers()

    def ask(*words: str) -> str:
        return source.run(("git", "-C", str(folder), "--no-optional-locks", *words)).strip()

    try:
        ask("ls-files", "--error-unmatch", "__init__.py")
    except Unread as error:
        reason = f"installed without a git checkout ({error})"
        return Git(None, None, None, dict.fromkeys(("commit", "branch", "dirty"), reason))
    branch = answers("branch", ask, "rev-parse", "--abbrev-ref", "HEAD")
    if branch == "HEAD":
        branch, answers.missing["branch"] = None, "detached HEAD"
    return Git(
        commit=answers("commit", ask, "rev-parse", "HEAD"),
        branch=branch,
        dirty=answers("dirty", lambda: bool(ask("status", "--porcelain"))),
        missing=answers.missing,
    )


def _version(source: Source, name: str) -> str:
    lines = [line.strip() for line in source.run((name, "--version")).splitlines() if line.strip()]
    # nvcc opens with its name and a copyright; the version stands in the line with "release"
    telling = [line for line in lines if "release" in line] if name == "nvcc" else lines
    if not telling:
        raise Unread(f"{name} --version says nothing of a version")
    return telling[0]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
