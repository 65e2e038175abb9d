"""Words that give no vendor, product or person away: stand-ins for names, and free text with all but neutral words withheld."""

import re
from collections.abc import Hashable
from functools import cache
from pathlib import Path

_NUMBER = re.compile(r"[-+]?\d{1,3}(\.\d+)?([eE][-+]?\d{1,3})?|x(1|2|4|8|16|32)")  # four digits may be a model's, x16 are lanes
_TOKEN = re.compile(r"\w(?:[\w./+'-]*\w)?")
_MODEL = re.compile(r"[a-z] \d{1,3}\b", re.IGNORECASE)  # a letter and a number may be a model's
_PART = re.compile(r"[-/_]")
_TELLING = re.compile(r"cu|nv|hip|roc|amd|intel|mkl|sycl|xpu|ptx|tensorrt|gfx|sm\d|avx|amx|sve|neon|arm")  # beginnings of words


class StandIns:
    """What stands for what: the same name always for the same thing, numbered in order of appearance."""

    def __init__(self) -> None:
        self._given: dict[str, dict[Hashable, int]] = {}

    def number(self, kind: str, what: Hashable) -> int:
        """Return the number of a thing among those of its kind, from 1 on."""
        known = self._given.setdefault(kind, {})
        return known.setdefault(what, len(known) + 1)

    def text(self, words: str) -> str:
        """Return free text, in which runs of words that are not known to be neutral read [withheld N]; equal runs, equal N.

        A number after such a word belongs to it: it may be a model's or a version's.
        """
        parts: list[str] = []
        hidden: list[str] = []  # a run and what stands between its words
        end = 0
        for found in _TOKEN.finditer(words):
            between = words[end : found.start()]
            token = found[0]
            neutral = _neutral(token) and not _MODEL.match(words, found.start())
            neutral = neutral and not (hidden and between == " " and _NUMBER.fullmatch(token))
            if hidden and (neutral or between != " "):
                parts.append(self._withheld(hidden))
                hidden = []
            if neutral:
                parts += [between, token]
            elif hidden:
                hidden += [between, token]
            else:
                parts.append(between)
                hidden = [token]
            end = found.end()
        return "".join([*parts, *([self._withheld(hidden)] if hidden else []), words[end:]])

    def _withheld(self, run: list[str]) -> str:
        return f"[withheld {self.number('withheld', ''.join(run))}]"


def telling(name: str) -> bool:
    """Tell whether a name of our own holds a word of a vendor's library; it is no judge of names that others give."""
    return any(_TELLING.match(part) for part in re.split(r"[^a-z0-9]", name.lower()))


def _neutral(token: str) -> bool:
    return bool(_NUMBER.fullmatch(token)) or all(part.lower() in _words() for part in _PART.split(token))


@cache
def _words() -> frozenset[str]:
    lines = Path(__file__).with_name("neutral.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
