"""A page as PDF, printed by a headless Chromium: A4 landscape, backgrounds included."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from ngtbench.errors import BadInput, Unavailable
from ngtbench.report.draft import draft

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_VARIABLE = "NGTBENCH_CHROMIUM"
_STYLE = "<style>@page{size:A4 landscape;margin:10mm}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}</style>"
_SCRIPTS_MS = 10_000  # of the page's own time, which the browser lets run fast


def write(page: str, path: Path, limit_s: float = 180.0) -> Path:
    """Print a page to a file.

    Raises Unavailable where there is no Chromium, BadInput where it prints nothing in time or the file cannot be written.
    """
    browser = _browser()
    with draft(path, "--pdf") as place, tempfile.TemporaryDirectory(prefix="ngtbench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, target = folder / "index.html", folder / "page.pdf"
        source.write_text(page.replace("</head>", f"{_STYLE}</head>", 1), encoding="utf-8")
        said = _print(browser, source, target, folder, limit_s)
        if not target.is_file() or pages(content := target.read_bytes()) < 1:
            raise BadInput(f"{path}: {browser} printed no page: {said[-300:] or 'it said nothing'}")
        place.write_bytes(content)
    return path


def pages(content: bytes) -> int:
    """Return how many pages a PDF of Chromium has; 0 where it is none."""
    return len(re.findall(rb"/Type\s*/Page\b", content)) if content.startswith(b"%PDF") else 0


def _browser() -> str:
    wanted = os.environ.get(_VARIABLE)
    found = next(filter(None, map(shutil.which, [wanted] if wanted else _NAMES)), None)
    if found is None:
        what = f"{_VARIABLE}={wanted} is no program" if wanted else f"none of {', '.join(_NAMES)} is on PATH"
        raise Unavailable(
            f"no browser to print a PDF with: {what}", f"apt install chromium, or set {_VARIABLE}; or print the page"
        )
    return found


def _print(browser: str, source: Path, target: Path, folder: Path, limit_s: float) -> str:
    """Run the browser and return what it said; all its processes are gone afterwards."""
    command = [
        browser, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}",
        "--no-pdf-header-footer", f"--virtual-time-budget={_SCRIPTS_MS}", f"--print-to-pdf={target}", source.as_uri(),
    ]  # fmt: skip
    if os.geteuid() == 0:  # Chromium's sandbox refuses to run as root
        command.insert(1, "--no-sandbox")
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        errors="replace",
    )  # fmt: skip
    try:
        return process.communicate(timeout=limit_s)[1].strip()
    except subprocess.TimeoutExpired as error:
        raise BadInput(f"{browser} did not print the page within {limit_s:g} s: print {source.name} from a browser") from error
    finally:
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """End what is left of the browser: its children are in the group of its own that it was started with."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        process.wait()
        if process.stderr:
            process.stderr.close()
