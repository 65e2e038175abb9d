"""Colour: words of generators, what becomes of them where quark lines meet, and exact sums over all colours.

A gluon field is a matrix, a quark field a column, in colour. A word is a product of generators T^g, columns |a> that antiquark
a emits and rows <q| that quark q absorbs; <q| ... |a> inside a word is a number and set apart as a closed string.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

NC = 3
Word = tuple[int, ...]  # numbers of legs


@dataclass(frozen=True)
class Key:
    """A colour structure: an open word, empty for the unit matrix, times closed strings <q| ... |a>."""

    word: Word
    closed: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Letters:
    """Which legs are quarks and antiquarks; the others are gluons."""

    quarks: frozenset[int]
    antiquarks: frozenset[int]

    def product(self, left: Key, right: Key) -> Key:
        """Multiply two structures."""
        word, closed = list(left.word + right.word), list(left.closed + right.closed)
        start = None
        for k, leg in enumerate(word):
            if leg in self.quarks:
                start = k
            elif leg in self.antiquarks and start is not None:
                inner = self.product(Key(tuple(word[:start])), Key(tuple(word[k + 1 :])))
                return Key(inner.word, tuple(sorted((*closed, *inner.closed, tuple(word[start : k + 1])))))
        return Key(tuple(word), tuple(sorted(closed)))


def strings(structures: Sequence[Sequence[Word]]) -> list[list[Fraction]]:
    """Return the sum over all colours of K_i conj(K_j), K products of closed strings <q| T ... T |a>.

    The trace over both is expanded by sum_g T^g_ij T^g_kl = 1/2 (d_il d_kj - 1/3 d_ij d_kl), T_F = 1/2.
    """
    return [[_contracted(one, other) for other in structures] for one in structures]


def nested(words: Sequence[Word], last: int) -> list[list[Fraction]]:
    """Return the same of K = 2 tr([..[[T^w1, T^w2], T^w3]..] T^last), the basis of Del Duca, Dixon and Maltoni."""
    expanded = [{(*word, last): 2 * sign for word, sign in _commutators(word).items()} for word in words]
    return [
        [
            sum((Fraction(a * b) * _traces(v, w) for v, a in one.items() for w, b in other.items()), Fraction(0))
            for other in expanded
        ]
        for one in expanded
    ]


def _commutators(word: Word) -> dict[Word, int]:
    total: dict[Word, int] = {word[:1]: 1}
    for leg in word[1:]:
        grown: dict[Word, int] = {}
        for inner, sign in total.items():
            grown[(*inner, leg)] = sign
            grown[(leg, *inner)] = -sign
        total = grown
    return total


def _traces(one: Word, other: Word) -> Fraction:
    """Sum tr(T ... T) conj(tr(T ... T)) over all colours; T is hermitian, so that conj reverses a word."""
    return _product(_named((one, other[::-1])))


def _contracted(one: Iterable[Word], other: Iterable[Word]) -> Fraction:
    """Join each string of `one` to the strings of conj(other) that end on the same quarks: traces."""
    ends = {word[-1]: word for word in other}  # conj: |a> ... <q|
    starts = {word[0]: word for word in one}
    loops, left = [], set(starts)
    while left:
        first = quark = min(left)
        loop: list[int] = []
        while True:
            left.discard(quark)
            word = starts[quark]
            back = ends[word[-1]]
            loop += [*word[1:-1], *reversed(back[1:-1])]
            quark = back[0]
            if quark == first:
                break
        loops.append(tuple(loop))
    return _product(_named(tuple(loops)))


@cache
def _product(loops: tuple[Word, ...]) -> Fraction:
    for k, loop in enumerate(loops):
        if not loop:
            return NC * _product((*loops[:k], *loops[k + 1 :]))
    if not loops:
        return Fraction(1)
    (leg, *rest), others = loops[0], list(loops[1:])
    if leg in rest:  # T^g A T^g B -> 1/2 tr A tr B - 1/6 tr A B
        at = rest.index(leg)
        a, b = tuple(rest[:at]), tuple(rest[at + 1 :])
        apart, together = (a, b, *others), (a + b, *others)
    else:  # tr(T^g A) tr(B T^g C) -> 1/2 tr(A C B) - 1/6 tr A tr(B C)
        k = next(k for k, other in enumerate(others) if leg in other)
        other = others.pop(k)
        at = other.index(leg)
        a, b, c = tuple(rest), other[:at], other[at + 1 :]
        apart, together = (a + c + b, *others), (a, b + c, *others)
    return Fraction(1, 2) * _product(_named(apart)) - Fraction(1, 2 * NC) * _product(_named(together))


def _named(loops: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return loops with generators numbered by their first place, so that equal traces are found again."""
    names: dict[int, int] = {}
    return tuple(tuple(names.setdefault(leg, len(names)) for leg in loop) for loop in loops)
