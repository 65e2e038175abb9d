"""Nobody imports a framework the user did not ask for."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "cupy", "numba", "onnx", "onnxruntime", "pandas", "plotly", "jinja2")
HARDWARE = Path(__file__).parents[2] / "hardware"


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["list"], ["discover"], ["check", str(HARDWARE)], ["run", "--help"]]
)
def test_the_command_line_stays_light(words: list[str], tmp_path: Path) -> None:
    program = f"""
import sys
sys.argv = ["ngtbench", *{words!r}]
from ngtbench.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
loaded = sorted(set({HEAVY!r}) & set(sys.modules))
assert not loaded, loaded
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()


def test_importing_the_package_imports_no_framework() -> None:
    program = "import sys, ngtbench; print(sorted(m for m in sys.modules if m in ('numpy', 'pydantic', 'typer', 'torch')))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"


def test_kernels_of_a_family_import_no_framework() -> None:
    program = (
        "import sys, ngtbench.kernels.lattice, ngtbench.kernels.system, ngtbench.kernels.ml; "
        "print(sorted({'torch', 'cupy', 'numba', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"
