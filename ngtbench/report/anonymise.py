"""A report without vendors, products, hosts and people: replaced before anything is rendered, so that no renderer must know."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ngtbench.errors import BadInput
from ngtbench.model.comparison import Weights
from ngtbench.report.anonymous_machine import Machines
from ngtbench.report.anonymous_record import Records
from ngtbench.report.html import Report
from ngtbench.report.prices import Price
from ngtbench.report.systems import systems
from ngtbench.report.withheld import StandIns, telling
from ngtbench.store import codec
from ngtbench.store.read import Reading

SAID = (
    "Replaced, the same always by the same: vendors, devices, processors, data sheets, hosts, batch jobs, record files, names "
    "given to systems, implementations named after a vendor's library, power sensors, profilers.",
    "Left out: versions of drivers, compilers, packages and operating systems, PCI ids, UUIDs, SIMD flags, CPU families, "
    "containers, hypervisors, paths, branches, variables other than OpenMP's, sources of data sheets and prices, figures "
    "published by others. The kind of every GPU is written as the record format's first.",
    "Words of variants, reasons and deviations that are not known to be neutral read [withheld N], equal ones with equal N.",
    "Told: every number (samples, errors, energy, sizes, clocks, power limits, peaks, prices), cases, dates, seeds, version and "
    "commit of ngtbench. Whoever knows the market may guess a device from its numbers.",
    "Each SHA-256 is of the original file: whoever holds the file can prove that this page was made from it.",
)


def anonymised(report: Report) -> Report:
    """Return the report with names replaced; systems, results, ratios and ranks are those of the original.

    Raises BadInput where the weights asked for name a vendor or a product: their words stand on the page as they are.
    """
    given = StandIns()
    machines = Machines(given, report.profiles)
    readings = [_reading(reading, number, machines, given) for number, reading in enumerate(report.readings, start=1)]
    labels = [None if label is None else f"System {given.number('label', label)}" for label in report.labels]
    profiles = machines.profiles()
    names = dict(zip(system_names(report.readings, report.labels), system_names(readings, labels), strict=True))
    if report.reference is not None and report.reference not in names:
        raise BadInput(f"--reference {report.reference!r}: no such system; there are: {', '.join(map(repr, names))}")
    return replace(
        report,
        readings=readings,
        labels=labels,
        profiles=profiles,
        published=(),
        weights=_weights(report.weights),
        reference=None if report.reference is None else names[report.reference],
        prices=[_price(price, names) for price in report.prices if price.system in names],
        command="",
        anonymised=SAID,
    )


def _reading(reading: Reading, number: int, machines: Machines, given: StandIns) -> Reading:
    """Return a reading of a file that was never written; its SHA-256 stays that of the original."""
    name = f"records-{number}.jsonl"
    made = {digest: machines.machine(machine) for digest, machine in reading.machines.items()}
    digests = {old: codec.digest(new) for old, new in made.items()}
    records = Records(given, machines, reading, digests)
    return Reading(
        path=Path(name),
        sha256=reading.sha256,
        machines={digests[old]: new for old, new in made.items()},
        plans=tuple(map(records.plan, reading.plans)),
        runs=tuple(map(records.run, reading.runs)),
        notes=tuple(f"{name}{given.text(note.removeprefix(str(reading.path)))}" for note in reading.notes),
    )


def system_names(readings: Sequence[Reading], labels: Sequence[str | None]) -> list[str]:
    """Return the names of the systems, in their order on the page; results, which take long, are not needed for that."""
    return [system.label for system in systems([replace(reading, runs=()) for reading in readings], {}, labels)]


def _weights(weights: Sequence[Weights]) -> list[Weights]:
    """Return the weights; of those that were not asked for, only those that name nobody."""
    kept = []
    for place, one in enumerate(weights):
        words = (one.name, one.use_case, one.requester, *one.families)
        named = [text for text in words if telling(text)]
        if named and place == 0:
            raise BadInput(f"weights {one.name}: {named[0]!r} names a vendor or a product: --anonymise needs weights that do not")
        kept += [] if named else [one]
    return kept


def _price(price: Price, names: dict[str, str]) -> Price:
    return replace(price, system=names[price.system], source="withheld")
