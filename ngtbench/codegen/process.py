"""Run a compiler so that it and all it starts end with us, however we end."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

# A shell reads from a pipe that only we hold open: when it closes, the shell kills its own process group.
_WATCHED = """\
exec 3<&0 </dev/null
{ read -r end <&3; kill -9 0; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
"$@"
code=$?
kill $watcher
wait $watcher 2>/dev/null
exit $code
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said: both its outputs, in the order they came."""

    code: int  # 128 + the signal's number where a signal ended it, as shells count
    output: str
    late: bool = False  # it was killed at the time limit


def run(command: Sequence[str], limit_s: float, folder: str | None = None) -> Ended:
    """Run a command in a process group of its own, messages in English, temporary files in `folder`.

    The group is killed at the limit, at an interrupt, and when this process ends by whatever means. Raises nothing: a command
    that cannot be started has code 127.
    """
    variables = os.environ | {"LC_ALL": "C"} | ({"TMPDIR": folder} if folder else {})
    ours, held = os.pipe()
    try:
        started = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHED, "sh", *command],
            stdin=ours,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=variables,
            start_new_session=True,
        )
    except OSError as error:
        os.close(held)
        return Ended(127, f"/bin/sh cannot be started: {error}")
    finally:
        os.close(ours)
    late, output = False, b""
    try:
        output, _ = started.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        if started.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            if started.stdout is not None:
                started.stdout.close()
        os.close(held)
    if late:
        return Ended(128 + signal.SIGKILL, f"no end within {limit_s:g} s: killed", late=True)
    code = started.returncode
    return Ended(code if code >= 0 else 128 - code, output.decode(errors="replace"))
