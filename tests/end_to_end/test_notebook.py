"""The three lines that README.md gives to notebooks are executed, word for word, on records of this version."""

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "version-2.jsonl"
PROGRAM = """
import ast, sys
*body, last = ast.parse(sys.stdin.read()).body
names = {}
exec(compile(ast.Module(body, []), "README.md", "exec"), names)
print(eval(compile(ast.Expression(last.value), "README.md", "eval"), names).to_json())
"""


@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is not installed: pip install 'ngtbench[report]'")
def test_the_lines_for_a_notebook(tmp_path: Path) -> None:
    (code,) = re.findall(r"## Notebook\n\n```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 3
    (tmp_path / "out").mkdir()
    shutil.copy(GOLDEN, tmp_path / "out")
    words = [sys.executable, "-P", "-c", PROGRAM]
    ended = subprocess.run(words, cwd=tmp_path, input=code, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["cpu:0"] == {case: pytest.approx(value) for case, value in wanted().items()}


def wanted() -> dict[str, float]:
    """Return the median of what is done on the processor, read without the package."""
    found = {}
    for line in map(json.loads, GOLDEN.read_text().splitlines()):
        if line.get("outcome", {}).get("status") == "done" and line["resources"]["device"] == "cpu:0":
            case = line["case"]
            name = f"{case['workload']}@{case['version']}/{case['size']}/{case['impl']}/{case['dtype']}"
            metric = line["outcome"]["metrics"][0]["name"]
            found[name] = median(line["outcome"]["measurement"]["series"][metric])
    assert found
    return found
