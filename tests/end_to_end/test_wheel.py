"""An installed wheel, outside any checkout, finds its data and runs; the core stays light."""

import json
import subprocess
import sys
import sysconfig
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
CORE_LIMIT_B = 130_000_000


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it alone into a fresh environment that borrows this one's packages; return its python."""
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place / "dist"), str(ROOT)]
    ended = subprocess.run(build, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (wheel,) = (place / "dist").glob("*.whl")
    venv.create(place / "env", with_pip=False)
    python = place / "env" / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = place / "env" / "lib" / version / "site-packages"
    install = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(site), str(wheel)], check=True, timeout=120)
    (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")  # after site itself: the wheel wins
    return python


def ngtbench(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-P", "-m", "ngtbench", *words]
    return subprocess.run(command, cwd=python.parent, capture_output=True, text=True, timeout=120, check=False)


def test_it_is_the_wheel_that_runs(installed: Path) -> None:
    program = "import ngtbench; print(ngtbench.__file__)"
    found = subprocess.run([str(installed), "-P", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert Path(found.stdout.strip()).is_relative_to(installed.parents[1])


def test_data_files_are_found(installed: Path) -> None:
    program = (
        "from ngtbench import shipped; from ngtbench.discover import profiles; from ngtbench.physics.samples import real; "
        "print(len(profiles.load()), len(real.digits()[0]), "
        "*(len(list(shipped.folder(k).iterdir())) for k in ('weights', 'published', 'schema')))"
    )
    found = subprocess.run(
        [str(installed), "-P", "-c", program], cwd=installed.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stderr
    hardware, digits, *others = map(int, found.stdout.split())
    assert digits == 1797
    assert hardware == len(list((ROOT / "hardware").glob("*.toml")))
    assert all(others)


def test_it_discovers_runs_and_checks(installed: Path) -> None:
    found = json.loads(ngtbench(installed, "discover", "--json").stdout)
    assert found["schema"] == "ngtbench.machine/1"
    words = ("run", "system/triad", "--size", "XS", "--impl", "numpy", "--budget", "0.05s", "--output", "records.jsonl")
    ran = ngtbench(installed, *words)
    assert ran.returncode == 0, ran.stderr
    assert ngtbench(installed, "check", "records.jsonl").returncode == 0
    records = [json.loads(line) for line in (installed.parent / "records.jsonl").read_text().splitlines()]
    worker = records[-1]["provenance"]["worker"]
    assert Path(worker).is_relative_to(installed.parents[1])


def test_the_core_is_light() -> None:
    names, todo = set[str](), ["ngtbench"]
    while todo:
        name = todo.pop()
        for text in metadata.requires(name) or []:
            required = Requirement(text)
            if required.name not in names and (required.marker is None or required.marker.evaluate({"extra": ""})):
                names.add(required.name)
                todo.append(required.name)
    sizes_b = {
        name: sum(
            Path(str(file.locate())).stat().st_size for file in metadata.files(name) or [] if Path(str(file.locate())).exists()
        )
        for name in names
    }
    assert {"numpy", "pydantic-core"} <= {name.lower().replace("_", "-") for name in sizes_b}
    assert sum(sizes_b.values()) < CORE_LIMIT_B, sizes_b
