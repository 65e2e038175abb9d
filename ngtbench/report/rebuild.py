"""Makes the page of an unpacked bundle again, and says whether it is the same bit for bit."""

import hashlib
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ngtbench import __version__
from ngtbench.errors import BadInput
from ngtbench.report import html
from ngtbench.report.bundle import BODIES, Contents, File, commit, load, versions
from ngtbench.report.draft import draft
from ngtbench.report.html import Report
from ngtbench.store.read import Reading, read


@dataclass(frozen=True)
class Rebuilt:
    """The page that was made again, whether it is the same bit for bit, and what to say about it."""

    page: Path
    same: bool
    notes: tuple[str, ...]


def rebuild(folder: Path, render: Callable[[Report], str] | None = None) -> Rebuilt:
    """Make the page of an unpacked bundle again and write it there.

    Raises BadInput where a file of the bundle is missing, is not what `report.json` says, or nothing can be written.
    """
    contents: Contents = load(folder / "report.json", Contents)
    readings = [_opened(folder, file) for file in contents.records]
    weights, prices, hardware, published = (load(folder / name, kind) for name, kind in BODIES.items())
    report = Report(
        readings=readings,
        labels=[file.label for file in contents.records],
        profiles={profile.id: profile for profile in hardware},
        published=published,
        weights=weights,
        reference=contents.reference,
        accept=frozenset(contents.accept),
        prices=prices,
        command=contents.command,
        anonymised=contents.anonymised,
        left_out=contents.left_out,
    )
    page = (render or html.render)(report)
    path = folder / "index.html"
    with draft(path, "another folder") as place:
        place.write_text(page, encoding="utf-8", newline="")
    made = hashlib.sha256(page.encode()).hexdigest()
    if made == contents.page_sha256:
        return Rebuilt(path, True, (f"{path}: the same page, bit for bit: SHA-256 {made}",))
    return Rebuilt(path, False, (f"{path}: SHA-256 {made} is not the page's, {contents.page_sha256}", *_other_versions(contents)))


def _opened(folder: Path, file: File) -> Reading:
    if file.name != Path(file.name).name:
        raise BadInput(f"{folder / 'report.json'}: records: {file.name!r} is no plain file name")
    path = folder / "records" / file.name
    reading = read(path)
    if reading.sha256 != file.sha256:
        raise BadInput(f"{path}: SHA-256 {reading.sha256} is not the {file.sha256} of report.json: it was changed")
    return replace(reading, path=Path(file.name), notes=file.notes)


def _other_versions(contents: Contents) -> Iterator[str]:
    """Say in what this installation differs from the one that made the page."""
    here = {"ngtbench": __version__, "commit": commit() or "unknown", "python": platform.python_version(), **versions()}
    there = {
        "ngtbench": contents.ngtbench,
        "commit": contents.commit or "unknown",
        "python": contents.python,
        **contents.packages,
    }
    for name, version in there.items():
        if here.get(name) != version:
            yield f"{name} is {here.get(name, 'not installed')} here, {version} made the page"
