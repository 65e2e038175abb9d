"""A report without vendors, products, hosts and people: replaced before anything is rendered, so that no renderer must know."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ngtbench.errors import BadInput
from ngtbench.report import bundle, weights
from ngtbench.report.anonymous_machine import Machines
from ngtbench.report.anonymous_names import Names
from ngtbench.report.anonymous_record import Records
from ngtbench.report.html import Report
from ngtbench.report.prices import Price
from ngtbench.report.systems import systems
from ngtbench.report.withheld import StandIns
from ngtbench.store import codec
from ngtbench.store.read import Reading

SAID = (
    "Replaced, the same always by the same: vendors, devices, processors, data sheets, hosts, batch jobs, record files, names "
    "given to systems, commits, digests of inputs, power sensors, profilers, and every name of a workload, size, implementation, "
    "metric, event, invariant, flag or weights that ngtbench does not declare itself or that a vendor's library has.",
    "Left out: versions of drivers, compilers, packages and operating systems, PCI ids, UUIDs, SIMD flags, CPU families, "
    "containers, hypervisors, paths, branches, variables other than OpenMP's, sources of data sheets and prices, figures "
    "published by others. The kind of every GPU is written as the record format's first.",
    "Words of variants, reasons and deviations that are not known to be neutral read [withheld N], equal ones with equal N.",
    "Moments: the day in UTC; what follows only counts the moments of that day in their order. Families that are not ngtbench's, "
    "and jobs, keep their place in the alphabet.",
    "Told: every number (samples, errors, energy, sizes, clocks, power limits, peaks, prices), cases, days, seeds, released "
    "versions of ngtbench. Whoever knows the market may guess a device from its numbers.",
    "Each SHA-256 is of the anonymised record file, which the bundle holds; no original can be found by it.",
)


def anonymised(report: Report) -> Report:
    """Return the report with names replaced; systems, results, ratios and ranks are those of the original.

    Raises BadInput where the reference names no system.
    """
    given = StandIns()
    words = Names(given, report.readings, report.weights)
    machines = Machines(given, words, report.profiles)
    shipped = [weights.find(name) for name in weights.known()]
    readings = [_reading(reading, number, machines, words, given) for number, reading in enumerate(report.readings, start=1)]
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
        weights=[words.weights(one, shipped) for one in report.weights],
        reference=None if report.reference is None else names[report.reference],
        prices=[_price(price, names) for price in report.prices if price.system in names],
        command="",
        anonymised=SAID,
        left_out=["name and fault are withheld"] * len(report.left_out),
    )


def _reading(reading: Reading, number: int, machines: Machines, words: Names, given: StandIns) -> Reading:
    """Return a reading of a file as a bundle holds it."""
    name = f"records-{number}.jsonl"
    made = {digest: machines.machine(machine) for digest, machine in reading.machines.items()}
    digests = {old: codec.digest(new) for old, new in made.items()}
    records = Records(given, words, machines, reading, digests)
    made_of = Reading(
        path=Path(name),
        sha256="",
        machines={digests[old]: new for old, new in made.items()},
        plans=tuple(map(records.plan, reading.plans)),
        runs=tuple(map(records.run, reading.runs)),
        notes=tuple(f"{name}{given.text(note.removeprefix(str(reading.path)))}" for note in reading.notes),
    )
    digest = hashlib.sha256()
    for line in bundle.lines(made_of):
        digest.update(line)
    return replace(made_of, sha256=digest.hexdigest())


def system_names(readings: Sequence[Reading], labels: Sequence[str | None]) -> list[str]:
    """Return the names of the systems, in their order on the page; results, which take long, are not needed for that."""
    return [system.label for system in systems([replace(reading, runs=()) for reading in readings], {}, labels)]


def _price(price: Price, names: dict[str, str]) -> Price:
    return replace(price, system=names[price.system], source="withheld")
