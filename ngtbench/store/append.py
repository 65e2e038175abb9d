"""Appending records so that a crash, a kill or a full disk loses at most the case in flight."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from ngtbench.errors import RecordError
from ngtbench.model.record import Record
from ngtbench.store import codec


class Writer:
    """An open record file, locked against a second writer.

    Raises RecordError where the file exists (unless `resume`), cannot be written, or is being written by another run.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_APPEND | (0 if resume else os.O_CREAT | os.O_EXCL)
        try:
            if not resume:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, flags, 0o644)
        except FileExistsError as error:
            if not path.exists():  # a folder of the path is a file
                raise RecordError(f"{path}: cannot be written: {path.parent} is a file; choose another --output") from error
            raise RecordError(f"{path}: exists already: finish it with --resume {path}, or choose another name") from error
        except OSError as error:
            raise RecordError(f"{path}: cannot be written: {error.strerror}; choose another place with --output") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise RecordError(f"{path}: another run is writing this file; wait for it, or choose another name") from error
        self._end = _whole_lines(self._file) if resume else 0
        os.ftruncate(self._file, self._end)

    def append(self, record: Record) -> None:
        """Write one line and wait until it is on the disk.

        Raises RecordError where the disk is full; the file then ends after the last whole record.
        """
        line = (codec.to_json(record) + "\n").encode()
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise RecordError(
                f"{self.path}: a record could not be written: {error.strerror}; "
                f"what was measured before is safe: make room, then --resume {self.path}"
            ) from error
        self._end += len(line)

    def close(self) -> None:
        """Close the file and let others write it."""
        os.close(self._file)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _whole_lines(file: int) -> int:
    """Return the length up to the last line that is a whole record, ending it with a newline if that is all it lacks."""
    size = os.fstat(file).st_size
    content = os.pread(file, size, 0)
    end = content.rfind(b"\n") + 1
    rest = content[end:]
    if not rest:
        return size
    try:
        codec.from_line(rest.decode())
    except (UnicodeDecodeError, RecordError):
        return end
    os.write(file, b"\n")
    return size + 1
