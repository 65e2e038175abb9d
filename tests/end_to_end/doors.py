"""A fresh clone, and the command lines of asv and pytest in it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("ngtbench", "benchmarks", "hardware", "docs", "reports")
FILES = ("pyproject.toml", "asv.conf.json", "constraints.txt", "README.md", "LICENSE", ".gitignore")
LAUNCH, TRIAD = "system/launch@1/XS/numpy/float64", "system/triad@1/XS/numpy/float64"
WRONG = """

_right = into


def into(setup, b, c, s):
    run = _right(setup, b, c, s)
    return lambda: {"a": 1.01 * run()["a"]}
"""


@dataclass(frozen=True)
class Clone:
    """A repository of its own with an environment that runs it."""

    place: Path
    python: Path

    def run(self, *words: str, timeout: float = 300, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command there, with a home of its own."""
        quiet = {name: value for name, value in os.environ.items() if not name.startswith(("NGTBENCH_", "PYTEST_", "PYTHONPATH"))}
        env = quiet | {"HOME": str(self.place.parent), "COLUMNS": "160"} | variables
        return subprocess.run(words, cwd=self.place, env=env, capture_output=True, text=True, timeout=timeout, check=False)

    def asv(self, *words: str, cases: str = f"{LAUNCH} {TRIAD}", timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run asv."""
        return self.run(str(self.python), "-m", "asv", *words, timeout=timeout, NGTBENCH_ASV_CASES=cases)

    def commit(self, message: str) -> str:
        """Commit everything and return the hash."""
        who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        self.run("git", "add", "--all")
        ended = self.run("git", *who, "commit", "--quiet", "--message", message)
        assert ended.returncode == 0, ended.stderr
        return self.run("git", "rev-parse", "HEAD").stdout.strip()

    def break_triad(self) -> None:
        """Make the kernel of the triad wrong by 1 %."""
        with (self.place / "ngtbench/kernels/system/triad.py").open("a") as file:
            file.write(WRONG)


def clone(folder: Path) -> Clone:
    """Return a copy of the checkout as a repository without history, and an environment that borrows this one's packages."""
    place = folder / "clone"
    for name in PARTS:
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, place)
    venv.create(folder / "env", with_pip=False)
    site = folder / "env" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (site / "clone.pth").write_text(f"{place}\n{sysconfig.get_paths()['purelib']}\n")  # the clone wins
    made = Clone(place, folder / "env" / "bin" / "python")
    made.run("git", "init", "--quiet", "--initial-branch", "main")
    return made
