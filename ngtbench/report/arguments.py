"""What the command line says of the records to compare: files, folders of them, labels, and what the reader accepts."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ngtbench.analysis.comparable import ACCEPTABLE
from ngtbench.errors import BadInput


def sides(arguments: Sequence[str]) -> tuple[list[Path], list[str | None]]:
    """Return the record files of FILE, FOLDER, LABEL=FILE and LABEL=FOLDER, each with its label or None.

    A folder stands for every .jsonl file in and below it. Raises BadInput where there is no such file, a folder holds none, or
    a label is empty.
    """
    files: list[Path] = []
    labels: list[str | None] = []
    for argument in arguments:
        label, path = _parted(argument)
        found = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
        if not found:
            raise BadInput(f"{path}: holds no .jsonl file: give the folder that ngtbench run wrote its records to")
        if not path.exists():
            raise BadInput(f"{path}: cannot be read: no such file or folder; give record files, folders of them, or LABEL=FILE")
        files += found
        labels += [label] * len(found)
    return files, labels


def accepted(words: Iterable[str]) -> frozenset[str]:
    """Return the reasons that the reader accepts.

    Raises BadInput for a word that is none of them.
    """
    for word in words:
        if word not in ACCEPTABLE:
            raise BadInput(f"--accept {word}: there are {', '.join(ACCEPTABLE)}")
    return frozenset(words)


def _parted(argument: str) -> tuple[str | None, Path]:
    """Part LABEL from FILE; a file whose own name holds "=" is a file."""
    label, sign, name = argument.partition("=")
    if not sign or Path(argument).exists():
        return None, Path(argument)
    if not label.strip() or not name:
        raise BadInput(f"{argument}: write LABEL=FILE or LABEL=FOLDER, with neither empty")
    return label.strip(), Path(name)
