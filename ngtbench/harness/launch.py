"""Worker processes: threads and binding set before any library loads, silence limited, death explained."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ngtbench
from ngtbench.codegen.cache import folder
from ngtbench.errors import NgtBenchError
from ngtbench.harness.worker import PROTOCOL

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMBA_NUM_THREADS")
START_LIMIT_S = 120.0
_STOP_S = 5.0
_STOP_WATCHED_S = 300.0  # a profiler writes its file when its program has ended


class WorkerDied(NgtBenchError):
    """The worker ended or fell silent; the message says how."""


def environment(threads: int, bind: bool) -> dict[str, str]:
    """Return the variables that set threads, binding and the order of devices; they enter the record.

    Unbound, warm two-thread cases were seen to take a thousand times longer in every sample. One thread per core is
    meant, so places are cores.
    """
    chosen = dict.fromkeys(THREAD_VARIABLES, str(threads))
    chosen["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # as `discover` counts; CUDA's own order is fastest first
    if bind:
        chosen |= {"OMP_PROC_BIND": "true", "OMP_PLACES": "cores"}
    return chosen


class Worker:
    """One worker; `ask` sends a command and waits for the answer.

    `package` is the folder of another copy of ngtbench to run, `own_path` says that its Python finds it and all else by itself,
    whatever PYTHONPATH says here; `prefix` is a command that watches the worker, such as a profiler. Raises WorkerDied where it
    does not start, or runs another copy than it should.
    """

    def __init__(
        self,
        threads: int,
        bind: bool,
        *,
        python: str = sys.executable,
        package: Path | None = None,
        own_path: bool = False,
        prefix: Sequence[str] = (),
    ) -> None:
        self.environment = environment(threads, bind)
        self._stop_s = _STOP_WATCHED_S if prefix else _STOP_S
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
        self._kills = _oom_kills()
        inherited |= _caches() | self.environment | {"NGTBENCH_PARENT": str(os.getpid())}
        try:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
            self._process = subprocess.Popen(
                [*prefix, python, "-P", "-m", "ngtbench.harness.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=searching(inherited, package, own_path),
                start_new_session=True,
            )
        except OSError as error:  # no process left, no folder for temporary files
            raise WorkerDied(f"the worker cannot be started: {error}") from error
        self._buffer = b""
        ready = self.answer(START_LIMIT_S, "starting")["ready"]
        self.package: str = ready["package"]
        wanted = package or Path(ngtbench.__file__).parent
        if ready["protocol"] != PROTOCOL or Path(self.package).resolve() != wanted.resolve():
            raise self.useless(f"the worker runs {self.package} (protocol {ready['protocol']}), wanted {wanted} ({PROTOCOL})")

    @property
    def pid(self) -> int:
        """Process id, also of its process group."""
        return self._process.pid

    def ask(self, message: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """Send one command and return its answer.

        Raises WorkerDied where the worker ends first or is silent past the limit; it is killed then.
        """
        self.tell(message)
        return self.answer(limit_s, message["do"])

    def tell(self, message: dict[str, Any]) -> None:
        """Send one command, whose answer is still to be waited for.

        Raises WorkerDied where the worker has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise WorkerDied(self._epitaph(message["do"])) from error

    def answer(self, limit_s: float, step: str) -> dict[str, Any]:
        """Wait for the answer to what was told; `step` says what, should it not come.

        Raises WorkerDied as `ask` does.
        """
        assert self._process.stdout is not None
        deadline = time.monotonic() + limit_s
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not ready.select(max(0.0, deadline - time.monotonic())):
                    self.kill()
                    raise WorkerDied(f"no answer within {limit_s:g} s while {step}: killed (longer: --timeout)")
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                if not chunk:
                    raise WorkerDied(self._epitaph(step))
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError as error:
            raise self.useless(f"answered with what is no JSON while {step}: {line[:100]!r}") from error
        return answer

    def useless(self, reason: str) -> WorkerDied:
        """Kill the worker, and return the error to raise."""
        self.kill()
        return WorkerDied(reason)

    def close(self) -> None:
        """End the worker: politely, then by force; one that has died is no more."""
        if self._process.returncode is not None:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._ended(self._stop_s)
        self.kill()

    def kill(self) -> int:
        """Kill the worker and every process it started; return how the worker itself ended."""
        if self._process.returncode is not None:  # reaped: its number may be a stranger's by now
            return self._process.returncode
        with contextlib.suppress(ProcessLookupError):
            # Before the leader is reaped, so that the group's number cannot have passed to a stranger.
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        for stream in (self._process.stdout, self._errors):
            if stream is not None:
                stream.close()
        return code

    def _ended(self, limit_s: float) -> bool:
        """Wait for the worker's end without reaping it."""
        deadline = time.monotonic() + limit_s
        while os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def _epitaph(self, step: str) -> str:
        """Return why the worker ended: its signal or exit code, the kernel's word on memory, its last words."""
        by_itself = self._ended(_STOP_S)
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 2000))
        last = [line for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()][-1:]
        code = self.kill()
        if not by_itself:
            how = "closing its answers"
        elif code >= 0:
            how = f"exit code {code}"
        else:
            how = f"signal {-code} ({signal.Signals(-code).name})"
        if by_itself and code == -signal.SIGKILL:
            kills = _oom_kills()
            memory = kills is not None and self._kills is not None and kills > self._kills
            how += ", out of memory: the kernel killed it" if memory else ", most often the kernel's, for want of memory"
        return f"worker ended by {how} while {step}" + (f"; it last said: {last[0][:300]}" if last else "")


def searching(variables: dict[str, str], package: Path | None, own_path: bool) -> dict[str, str]:
    """Return the variables with Python's path set to find a package first, or nothing but what the environment holds."""
    if own_path:
        return {name: value for name, value in variables.items() if name != "PYTHONPATH"}
    if package is None:
        return variables
    search = (str(package.parent), variables.get("PYTHONPATH", ""))
    return variables | {"PYTHONPATH": os.pathsep.join(filter(None, search))}


def _caches() -> dict[str, str]:
    """Return variables that keep compilers' caches out of a home that may be read-only."""
    names = {"TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_CACHE_DIR": "triton", "NUMBA_CACHE_DIR": "numba"}
    names |= {"CUPY_CACHE_DIR": "cupy", "CUDA_CACHE_PATH": "cuda"}
    base = folder()
    return {variable: str(base / name) for variable, name in names.items()}


def _oom_kills() -> int | None:
    """Return how often the kernel killed for memory in this cgroup; None where it does not say."""
    try:
        own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        events = Path("/sys/fs/cgroup", own[3:].strip().lstrip("/"), "memory.events").read_text()
        return int(dict(line.split() for line in events.splitlines())["oom_kill"])
    except (OSError, StopIteration, KeyError, ValueError):
        return None
