"""Tables as plain text cells: what every chapter of a page is made of."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ngtbench.model.case import Case
from ngtbench.report.shown import shown


@dataclass(frozen=True)
class Cell:
    """Lines of text, each a link to its case where `cases` names them; `kind` is "", "number", "name", "warn" or "quiet"."""

    lines: tuple[str, ...]
    kind: str = ""
    cases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """Cells, and what filters go by: the case, the systems by number, how it ended; `span` lets the last cell fill up."""

    cells: tuple[Cell, ...]
    case: Case | None = None
    systems: tuple[int, ...] = ()
    status: str = "done"
    span: int = 1

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    @property
    def linked(self) -> bool:
        """Tell whether its first link is to its case."""
        cases = [case for cell in self.cells for case in cell.cases]
        return self.case is not None and cases[:1] == [self.case.id]


@dataclass(frozen=True)
class Table:
    """What a page shows under one heading; `empty` stands where there are no rows.

    A table by cases has a heading for each case, over its rows, to which links point.
    """

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    empty: str = "None."
    by_case: bool = False

    @property
    def groups(self) -> list[tuple[Case | None, list[Row]]]:
        """Return the rows under their headings; without headings, all of them."""
        if not self.by_case:
            return [(None, list(self.rows))]
        return [(case, list(rows)) for case, rows in groupby(self.rows, key=lambda row: row.case)]

    @property
    def systems(self) -> tuple[int, ...]:
        """Return the systems of every row, where all have the same."""
        found = {row.systems for row in self.rows}
        return found.pop() if len(found) == 1 else ()

    @property
    def labels(self) -> str:
        """Return the style sheet that names each cell's column where a narrow page shows no heads: nothing but our own names."""
        quoted = ["".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):x} " for c in shown(name)) for name in self.columns]
        rules = [f'#t-{self.id}>tbody>tr>:nth-child({n}):before{{content:"{name}"}}' for n, name in enumerate(quoted, 1) if n > 1]
        return "".join(rules)


def cell(*lines: str, kind: str = "") -> Cell:
    """Return a cell of these lines, empty ones left out."""
    return Cell(tuple(line for line in lines if line), kind)


def links(cases: Sequence[str]) -> Cell:
    """Return a cell of case ids, each a link to that case."""
    return Cell(tuple(cases), "name", tuple(cases))


def plain(rows: Iterable[Sequence[Cell]]) -> tuple[Row, ...]:
    """Return rows that no filter touches."""
    return tuple(Row(tuple(cells)) for cells in rows)
