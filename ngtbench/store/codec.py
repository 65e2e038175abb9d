"""Lines of a record file: strict JSON out, validated types in; the version before is upgraded, any other is an error."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Never

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from ngtbench.errors import RecordError
from ngtbench.model.gate import GateRecord
from ngtbench.model.machine import Machine
from ngtbench.model.record import MachineRecord, Outcome, PlanRecord, Record, RunRecord

SCHEMAS = ("ngtbench.machine/1", "ngtbench.plan/2", "ngtbench.run/2")
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@cache
def adapter() -> TypeAdapter[Record]:
    """Return the reader and writer of all record lines; made on first use, for it takes a while."""
    union = Annotated[MachineRecord | PlanRecord | RunRecord, Field(discriminator="schema")]
    return TypeAdapter(union, config=_STRICT)


@cache
def _writer(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _outcomes() -> TypeAdapter[tuple[Outcome]]:
    return TypeAdapter(tuple[Outcome], config=_STRICT)  # a dataclass by itself cannot be given a config


def to_json(value: object) -> str:
    """Write any model type as one line of strict JSON.

    Raises RecordError where it holds NaN or an infinity, which JSON does not have.
    """
    kind: Any = type(value)  # hashable, which mypy does not take of every type
    plain = _writer(kind).dump_python(value, mode="json")
    if "schema" in plain:
        plain = {"schema": plain.pop("schema"), **plain}
    try:
        return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise RecordError(f"a {type(value).__name__} holds NaN or an infinity: nothing was written ({error})") from error


def digest(machine: Machine) -> str:
    """Return the first 16 hex digits of the SHA-256 of the machine as written."""
    return hashlib.sha256(to_json(machine).encode()).hexdigest()[:16]


def outcome(plain: object) -> Outcome:
    """Read an outcome that a worker sent.

    Raises RecordError naming every key that does not fit.
    """
    try:
        return _outcomes().validate_json(json.dumps([plain]))[0]
    except ValidationError as error:
        raise RecordError(f"the worker's answer is not an outcome: {'; '.join(faults(error))}") from error


def from_line(text: str) -> Record:
    """Read one line.

    Raises RecordError with every fault of the line, one a line, without file and line number.
    """
    try:
        plain = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except RecursionError as error:
        raise RecordError("nested too deeply to be a record") from error
    except ValueError as error:
        raise RecordError(f"not JSON: {error}") from error
    schema = plain.get("schema") if isinstance(plain, dict) else None
    upgrade = _UPGRADES.get(str(schema))
    if upgrade is None and schema not in SCHEMAS:
        raise RecordError(_unknown(schema))
    try:
        record = adapter().validate_json(json.dumps(upgrade(plain)) if upgrade else text)
    except ValidationError as error:
        raise RecordError("\n".join(faults(error))) from error
    if isinstance(record, MachineRecord) and digest(record.machine) != record.digest:
        raise RecordError("digest: does not match the machine: the line was changed after it was written; restore it")
    return record


def faults(error: ValidationError) -> list[str]:
    """Return one "key: what is wrong" per fault, keys as paths such as outcome.measurement.series.wall_s[3]."""
    lines = []
    for fault in error.errors(include_url=False):
        path = ""
        for part in fault["loc"]:
            path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
        path = path.removeprefix(f"{fault['loc'][0]}.") if fault["loc"] and fault["loc"][0] in SCHEMAS else path
        given = "" if fault["type"] in ("missing", "unexpected_keyword_argument") else f", found {str(fault['input'])[:60]!r}"
        lines.append(f"{path or 'line'}: {fault['msg']}{given}")
    return lines


def schema_document() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a record line."""
    document = adapter().json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "ngtbench record line", **document}


def gate_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a gate.json."""
    document = TypeAdapter(GateRecord).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": "ngtbench gate"}


def _plan_1(plain: dict[str, Any]) -> dict[str, Any]:
    """Upgrade a plan: version 1 knew no audit."""
    return plain | {"schema": "ngtbench.plan/2"}


def _run_1(plain: dict[str, Any]) -> dict[str, Any]:
    """Upgrade a record: version 1 noted no timed seconds, worker starts, redone tries or profilers; all default to none."""
    return plain | {"schema": "ngtbench.run/2"}


_UPGRADES: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"ngtbench.plan/1": _plan_1, "ngtbench.run/1": _run_1}
_READ = (*SCHEMAS, *_UPGRADES)


def _unknown(schema: object) -> str:
    if isinstance(schema, str) and schema.startswith("ngtbench."):
        return f"schema: '{schema[:60]}' is of another version of ngtbench; this one reads {', '.join(_READ)}"
    found = "there is none" if schema is None else repr(str(schema)[:60])
    return f"schema: {found}: no record line of ngtbench; expected one of {', '.join(_READ)}"


def _refuse(name: str) -> Never:
    raise ValueError(f"{name} is not a JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(n for n in names if names.count(n) > 1)!r} stands twice in one object")
    return plain
