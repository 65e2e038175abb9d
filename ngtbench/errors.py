"""Every error a user can meet, in one tree; only `cli` turns them into exit codes.

NgtBenchError
├── BadInput            what the user typed or handed over is wrong        exit 2
│   ├── WorkloadError   a workload file, a selection, a size or a dtype
│   ├── ProfileError    a hardware file, or two that match one device
│   └── RecordError     a record file: truncated, mistyped, another version
├── Incomparable        two records that must not be divided by each other
├── CompileError        a compiler that works rejects a kernel: ours or the user's is wrong, and the case fails
└── Unavailable         this machine lacks what a case needs: skipped, never failed

A message says what is wrong, where (file, line, key or case) and what to do.
"""


class NgtBenchError(Exception):
    """Root of all errors raised on purpose."""


class BadInput(NgtBenchError):
    """The user's input is wrong; the message names the place and the remedy."""


class WorkloadError(BadInput):
    """A workload file, selection, size or dtype does not exist or breaks the rules."""


class ProfileError(BadInput):
    """A hardware file is faulty, or two of them match one device."""


class RecordError(BadInput):
    """A record file cannot be read as what it claims to be."""


class Incomparable(NgtBenchError):
    """Two records measure different things; the message says in what."""


class CompileError(NgtBenchError):
    """A kernel does not compile; the message has the command, what the compiler said, and where the source was kept."""


class Unavailable(NgtBenchError):
    """The case cannot run here; `remedy` says what would make it run."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(f"{reason} ({remedy})" if remedy else reason)
        self.reason = reason
        self.remedy = remedy
