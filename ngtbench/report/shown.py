"""Text from records as a page may show it: nothing invisible, nothing endless; and names that links can point to."""

import re
import unicodedata

CUT = 400  # characters of one text that a cell shows
_ALLOWED = {"\n": " ", "\r": " ", "\t": " "}
_PLAIN = re.compile(r"[ -~\u00a0-\u024f\u2013\u2014\u2018-\u201d\u2026\u00d7\u03b1-\u03c9]*")
_SLUG = 80


def shown(words: str, cut: int = CUT) -> str:
    """Return text whose control and direction characters can be seen, cut where it is too long, with its length said."""
    length = len(words)
    kept = words if length <= cut else words[:cut]
    if not _PLAIN.fullmatch(kept):
        kept = "".join(map(_visible, kept))
    return kept if length <= cut else f"{kept}… ({length:,} characters)"


def _visible(char: str) -> str:
    """Return a character itself, or its number where it would show as nothing or turn the text around it."""
    if char in _ALLOWED:
        return _ALLOWED[char]
    return f"⟨U+{ord(char):04X}⟩" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else char


def slug(words: str) -> str:
    """Return letters, digits and hyphens that say the same."""
    return re.sub(r"[^A-Za-z0-9]+", "-", words[:_SLUG]).strip("-") or "x"


class Anchors:
    """Names of cases in links: one per case id, no two alike, and the place that each points to exactly once.

    The many links within a page use short names, which another page numbers otherwise: no address should keep them.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._taken: set[str] = set()
        self._placed: set[str] = set()

    def name(self, case: str) -> str:
        """Return the name of a case."""
        if case not in self._names:
            first = name = f"case-{slug(case)}"
            number = 1
            while name in self._taken:
                number += 1
                name = f"{first}-{number}"
            self._taken.add(name)
            self._names[case] = name
        return self._names[case]

    def short(self, case: str) -> str:
        """Return the name of a case within the page."""
        return f"c{self._numbers.setdefault(case, len(self._numbers))}"

    def place(self, case: str) -> bool:
        """Tell whether this is the first place that asks to be what links to a case point to."""
        new = case not in self._placed
        self._placed.add(case)
        return new
