"""Tables of prices, and of the speed that money buys: with every price's source, kind and day."""

from collections.abc import Sequence

from ngtbench.model.comparison import Ranking
from ngtbench.report.prices import Price, Value, rankable, values
from ngtbench.report.tables import Cell, Table, cell, plain

_KINDS = {"quoted": "quoted by a seller", "list": "public list price", "example": "example, asked of nobody"}


def table(ranking: Ranking, prices: Sequence[Price]) -> Table:
    """Return the prices, and speed per price over the reference's by the weights asked for."""
    scores = {standing.system: standing.overall for standing in ranking.standings}
    rows = [_row(value) for value in values(scores, prices, ranking.reference)]
    note = f"Speed for {ranking.weights.name} per price, over that of {ranking.reference}: above 1, more speed for the money. "
    note += "Prices only: no power, space, support or discount is in them."
    if not rankable(prices):
        note += " Some are examples that nobody quoted, so systems are not ordered by them."
    columns = ("System", "Speed per price, over the reference", "Price of one", "Kind", "When", "Bought together", "Source")
    return Table("prices", "Speed per price", columns, plain(rows), note)


def _row(value: Value) -> tuple[Cell, ...]:
    price = value.price
    figure = (
        cell(value.reason, kind="quiet") if value.over_reference is None else cell(f"{value.over_reference:.3f}", kind="number")
    )
    if price is None:
        return (cell(value.system, kind="name"), figure, *[cell("–", kind="quiet")] * 5)
    return (
        cell(value.system, kind="name"),
        figure,
        cell(f"{price.value:,.2f} {price.currency}", kind="number"),
        cell(_KINDS[price.kind], kind="warn" if price.kind == "example" else ""),
        cell(price.date),
        cell(str(price.quantity), kind="number"),
        cell(price.source),
    )
