"""Compiled kernels, kept from one process to the next: each is compiled once for a compiler, its flags and this processor."""

import contextlib
import ctypes
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ngtbench.codegen.compiler import Compiler, first_lines
from ngtbench.codegen.process import Ended, run
from ngtbench.errors import CompileError, Unavailable

EMITTER = "1"  # raised when kernels are to be compiled anew though their source is the same
LIMIT_S = 300.0
_LOCK_S = 60.0
_STALE_S = 86400.0
_BUILDING = ".building-"
_LINES = 10  # of a compiler's own words
_FULL = re.compile(
    r"No space left|quota exceeded|File too large|File size limit|Read-only file system|Cannot create temporary file"
)
_CPU = re.compile(
    r"^(?:vendor_id|cpu family|model|model name|stepping|flags|Features|CPU \w+|isa|uarch|cpu)\s*:.*$", re.MULTILINE
)


@dataclass(frozen=True)
class Built:
    """A kernel's library, loaded."""

    path: Path
    cdll: ctypes.CDLL
    compile_s: float  # 0 where it was compiled before
    command: str
    took_s: float = 0.0  # to compile it, now or then
    said: str = ""  # why it does not lie where compiled kernels are kept


@dataclass(frozen=True)
class Entry:
    """What is known of a kept library; its source lies beside it, under the same name with .cpp."""

    path: Path
    name: str
    command: str
    compile_s: float
    compiler: str
    isa: str
    created: str  # UTC, ISO 8601
    sha256: str  # of the library: one that a full disk cut off must not be loaded


def folder() -> Path:
    """Return a folder of ours that can be written: in the user's cache, or, where home is read-only, among temporary files."""
    try:
        base = _users()
        base.mkdir(parents=True, exist_ok=True)
        if not os.access(base, os.W_OK):
            raise PermissionError(base)
    except (OSError, RuntimeError):  # no home that can be written, or none at all
        base = Path(tempfile.gettempdir()) / f"ngtbench-{os.getuid()}"
        base.mkdir(exist_ok=True, mode=0o700)
        if base.stat().st_uid != os.getuid():  # somebody else's: what lies there is code that would be run
            base = Path(tempfile.mkdtemp(prefix="ngtbench-"))
    return base


def library(name: str, source: str, compiler: Compiler, extra: tuple[str, ...] = ()) -> Built:
    """Return a C++ source as a loaded library, compiled unless it was before.

    Processes may ask for the same at once, and be killed: what lies in the folder is always whole. Where the folder cannot be
    used, a temporary one is, which goes when this process ends. Raises CompileError where the compiler rejects the source or
    is not done within 300 s, Unavailable where no folder can be written, or none that code may be loaded from.
    """
    key = digest(source, compiler, extra, processor())
    stem = f"{re.sub(r'[^A-Za-z0-9_-]', '_', name)}-{key[:20]}"
    refused = list[str]()
    for place in (_kept, _fresh):
        try:
            made = place().absolute() / f"{stem}.so"
            found = _cached(made)
            if found is None:
                with _locked(made.with_suffix(".lock")):
                    found = _cached(made) or _compiled(name, made, source, compiler, extra)
        except OSError as error:
            refused.append(str(error))
            continue
        return dataclasses.replace(found, said=_said(made.parent, refused))
    remedy = "free some space, or set XDG_CACHE_HOME or TMPDIR to a folder that can be written and that code may be loaded from"
    raise Unavailable(f"a compiled kernel can be kept nowhere: {'; '.join(refused)}", remedy)


def digest(source: str, compiler: Compiler, extra: tuple[str, ...], cpu: str) -> str:
    """Return what tells two libraries apart, as hexadecimal digits."""
    parts = [EMITTER, source, compiler.path, compiler.version, compiler.flags, extra, cpu]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the model and the features of the first processor, as the system tells them."""
    try:
        first = cpuinfo.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        first = ""
    return "\n".join(_CPU.findall(first)) or f"{platform.machine()} {platform.processor()}"


def listing() -> list[Entry]:
    """Return the libraries that are kept, the newest first; what is no entry of ours is passed over."""
    found = [entry for path in (folder() / "kernels").glob("*.json") if (entry := _entry(path)) is not None]
    return sorted((entry for entry in found if entry.path.is_file()), key=lambda entry: entry.created, reverse=True)


def _users() -> Path:
    """Return where the user's cache is, or would be; RuntimeError for a user without a home."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "ngtbench"


def _said(place: Path, refused: list[str]) -> str:
    if refused:
        return f"cache folder cannot be used ({refused[0]}): compiled into a temporary folder"
    with contextlib.suppress(RuntimeError):
        if place.parent == _users().absolute():
            return ""
    return f"the user's cache cannot be written: compiled into {place}"


def _kept() -> Path:
    place = folder() / "kernels"
    place.mkdir(exist_ok=True)
    return place


def _fresh() -> Path:
    return Path(_temporary().name)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="ngtbench-", ignore_cleanup_errors=True)


def _cached(made: Path) -> Built | None:
    """Return the library if it is there, whole, and can be loaded."""
    entry = _entry(made.with_suffix(".json"))
    try:
        # The loader maps what a file says it holds: to touch a page behind its end kills the process.
        if entry is None or hashlib.sha256(made.read_bytes()).hexdigest() != entry.sha256:
            return None
        return Built(made, ctypes.CDLL(str(made)), 0.0, entry.command, entry.compile_s)
    except OSError:
        return None


def _entry(path: Path) -> Entry | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        seconds = float(told["compile_s"])
        words = [told[key] for key in ("name", "command", "compiler", "isa", "created", "sha256")]
        if not all(isinstance(word, str) for word in words):
            return None
        name, command, *rest = words
        return Entry(path.with_suffix(".so"), name, command, seconds, *rest)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _compiled(name: str, made: Path, source: str, compiler: Compiler, extra: tuple[str, ...]) -> Built:
    """Compile in a folder beside the others', and move what is whole to its place."""
    _sweep(made.parent)
    kept = made.with_suffix(".cpp")
    with tempfile.TemporaryDirectory(prefix=_BUILDING, dir=made.parent, ignore_cleanup_errors=True) as building:
        text, target, told = (Path(building, f"kernel.{end}") for end in ("cpp", "so", "json"))
        text.write_text(source, encoding="utf-8")
        text.replace(kept)
        words = [compiler.path, *compiler.flags, str(kept), *extra, "-o"]
        command = shlex.join([*words, str(made)])
        start = time.monotonic()
        ended = run([*words, str(target)], LIMIT_S, building)
        compile_s = time.monotonic() - start
        if ended.code or not target.exists():
            raise _failed(name, ended, command, kept)
        sha256 = hashlib.sha256(target.read_bytes()).hexdigest()
        created = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Entry(made, name, command, compile_s, compiler.version, compiler.isa, created, sha256)
        told.write_text(json.dumps(dataclasses.asdict(entry) | {"path": str(made)}, indent=1), encoding="utf-8")
        target.replace(made)
        told.replace(made.with_suffix(".json"))
    try:
        return Built(made, ctypes.CDLL(str(made)), compile_s, command, compile_s)
    except OSError as error:
        if "undefined symbol" in str(error):
            raise _failed(name, Ended(0, str(error)), command, kept) from error
        raise


def _failed(name: str, ended: Ended, command: str, kept: Path) -> Exception:
    """Return the error: a disk that is full, a process that was killed for memory, or else the kernel."""
    said = first_lines(ended, _LINES)
    if _FULL.search(ended.output):
        return OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}, the compiler says: {said}", str(kept.parent))
    if not ended.late and (ended.code == 128 + signal.SIGKILL or "Killed signal" in ended.output):
        return Unavailable(f"kernel {name}: the compiler was killed, most often for want of memory: {said}", "free some memory")
    return CompileError(f"kernel {name} does not compile:\n{said}\ncommand: {command}\nsource kept: {kept}")


def _sweep(place: Path) -> None:
    """Remove what processes that were killed have left a day ago."""
    for old in (*place.glob(f"{_BUILDING}*"), *place.glob("*.lock")):
        with contextlib.suppress(OSError):  # another process sweeps too
            if time.time() - old.stat().st_mtime > _STALE_S:
                shutil.rmtree(old) if old.is_dir() else old.unlink()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out, so that they wait and need not compile the same.

    After a while we go on without: to compile twice does no harm, a lock that a file system never frees would.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + _LOCK_S
        while not _taken(file) and time.monotonic() < deadline:
            time.sleep(0.02)
        yield
        with contextlib.suppress(OSError):  # who waits for the file that goes finds the library when its turn comes
            path.unlink()
    finally:
        os.close(file)


def _taken(file: int) -> bool:
    """Tell whether the lock is ours, or cannot be anyone's."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
