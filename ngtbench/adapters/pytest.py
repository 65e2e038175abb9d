"""Plugin of pytest: times the doors of `benchmarks/` with pytest-benchmark, and fails against a baseline.

pytest loads this in every project, so nothing heavy is imported here, and nothing is done until a file of doors is named
on the command line, itself or by a folder above it.
"""

import ast
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ngtbench.adapters.session import Session

_SESSION = pytest.StashKey["Session"]()
_DOOR = "ngtbench.adapters.asv"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our two options."""
    group = parser.getgroup("ngtbench", "ngtbench: benchmarks of the Next Generation Triggers programme")
    group.addoption(
        "--ngtbench-baseline",
        type=Path,
        metavar="FILE",
        help="JSON of pytest-benchmark, taken on this machine: fail where one of its benchmarks is missing, failed or slower",
    )
    group.addoption(
        "--ngtbench-tolerance",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="how much longer a median may be than the baseline's; default 0.1, that is 10 %%",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Read the baseline, so that a faulty one, or another machine's, ends the session before anything is timed."""
    tolerance = config.getoption("ngtbench_tolerance")
    if not 0 < tolerance < math.inf:  # by what is no number, nothing would ever be slower
        raise pytest.UsageError(f"--ngtbench-tolerance {tolerance}: must be a share above 0, such as 0.1")
    if config.getoption("ngtbench_baseline"):
        from ngtbench.adapters.baseline import baseline
        from ngtbench.errors import NgtBenchError

        try:
            session = _session(config)
            session.baseline = baseline(config.getoption("ngtbench_baseline"), session.machine_info)
        except NgtBenchError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "DoorFile | None":
    """Collect a file that imports `door`."""
    if parent.config.args_source is not pytest.Config.ArgsSource.ARGS or not _has_doors(file_path):
        return None
    _session(parent.config)
    return DoorFile.from_parent(parent, path=file_path)


class DoorFile(pytest.File):
    """A file of `benchmarks/`."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item per case id; the file is run, not imported, so that its name hides no other module."""
        from ngtbench.adapters.asv import Door, parse

        names: dict[str, Any] = {"__name__": self.path.stem, "__file__": str(self.path)}
        exec(compile(self.path.read_bytes(), str(self.path), "exec"), names)
        for name, found in names.items():
            if isinstance(found, type) and issubclass(found, Door) and found is not Door:
                for case in found().params[0]:
                    item = DoorItem.from_parent(self, name=f"{name}[{case}]", callobj=_timed(case, self.config))
                    item.add_marker(pytest.mark.benchmark(group=parse(case).problem, disable_gc=True))
                    yield item


class DoorItem(pytest.Function):
    """One case."""

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where it comes from: the file of doors."""
        return self.path, 0, self.name


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Add what our discovery knows to pytest-benchmark's own."""
    if _SESSION in config.stash or _named_doors(config):
        machine_info["ngtbench"] = _session(config).machine_info


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Note how each benchmark of the session ended."""
    report: pytest.TestReport = yield
    if _SESSION in item.config.stash:
        item.config.stash[_SESSION].note(item, report)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write our records beside pytest-benchmark's files, which are written by now, and judge against the baseline."""
    if _SESSION not in session.config.stash:
        return
    ours = session.config.stash[_SESSION]
    ours.write()
    if ours.judge() and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what the baseline found, and where the records are."""
    if _SESSION in config.stash:
        config.stash[_SESSION].print(terminalreporter)


def _session(config: pytest.Config) -> "Session":
    """Return the session's state, made when first needed."""
    from ngtbench.adapters.session import Session

    return config.stash.setdefault(_SESSION, Session(config))


def _timed(case: str, config: pytest.Config) -> Callable[[Any], None]:
    """Return the test function of a case."""

    def timed(benchmark: Any) -> None:
        config.stash[_SESSION].time(case, benchmark)

    return timed


def _named_doors(config: pytest.Config) -> bool:
    """Tell whether files of doors are named on the command line; asked before anything is collected."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return False
    named = [config.invocation_params.dir / word.partition("::")[0] for word in config.args]
    return any(_has_doors(path) for name in named for path in ([name] if name.is_file() else name.glob("*.py")))


def _has_doors(path: Path) -> bool:
    """Tell whether a Python file imports from the door of asv."""
    if path.suffix != ".py":
        return False
    try:
        text = path.read_bytes()
        tree = ast.parse(text) if _DOOR.encode() in text else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):  # somebody else's to report
        return False
    return any(isinstance(node, ast.ImportFrom) and node.module == _DOOR for node in tree.body)
