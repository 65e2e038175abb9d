"""What the gate judges and by which rule: `[tool.ngtbench.gate]` of a pyproject.toml."""

import fnmatch
import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ngtbench.errors import BadInput
from ngtbench.model.case import Selection
from ngtbench.model.gate import Rule

_KEY = "tool.ngtbench.gate"


@dataclass(frozen=True)
class Table:
    """One `[[tool.ngtbench.gate.case]]`: a rule for the case ids that match; what is not set stays as it is above."""

    match: str
    changes: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Rules:
    """Globs of case ids to judge (empty: the quick suite), the common rule, and what differs, the last match winning."""

    cases: tuple[str, ...] = ()
    common: Rule = field(default_factory=Rule)
    tables: tuple[Table, ...] = ()

    def rule(self, case: str) -> Rule:
        """Return the rule of a case id."""
        found = self.common
        for table in self.tables:
            if fnmatch.fnmatchcase(case, table.match):
                found = replace(found, **dict(table.changes))
        return found


def load(path: Path) -> Rules:
    """Read the rules of a pyproject.toml; a file that is absent, or says nothing of the gate, gives the defaults.

    Raises BadInput naming file and key.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Rules()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    found: Any = document
    for depth, part in enumerate(_KEY.split("."), start=1):
        found = found.get(part, {})
        if not isinstance(found, dict):
            raise BadInput(f"{path}: {'.'.join(_KEY.split('.')[:depth])}: must be a table, found {found!r}")
    cases, tables = found.pop("cases", []), found.pop("case", [])
    if not isinstance(cases, list) or not all(isinstance(one, str) for one in cases):
        raise BadInput(f"{path}: {_KEY}.cases: must be a list of globs of case ids, found {cases!r}")
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise BadInput(f"{path}: {_KEY}.case: write it as [[{_KEY}.case]]")
    common = Rule(**_checked(path, _KEY, found))
    made = []
    for number, table in enumerate(tables):
        key = f"{_KEY}.case[{number}]"
        match = table.pop("match", None)
        if not isinstance(match, str):
            raise BadInput(f"{path}: {key}.match: must be a glob of case ids, such as 'ml/jet_mlp@1/*', found {match!r}")
        made.append(Table(match, tuple(_checked(path, key, table).items())))
    return Rules(tuple(cases), common, tuple(made))


def selections(globs: Sequence[str]) -> list[Selection]:
    """Return what a side must list for these globs: all sizes where one names cases, the quick suite for workloads."""
    names = [one for one in globs if "@" not in one]
    full = {one.partition("@")[0] for one in globs if "@" in one}
    made = [Selection(workloads=(name,), suite="quick") for name in names or (() if full else ("*",))]
    return made + [Selection(workloads=(name,), suite="all") for name in sorted(full)]


def chosen(keys: Iterable[str], globs: Sequence[str]) -> list[str]:
    """Return the keys ("case on device") that a glob matches, each once; all of them where there is no glob.

    Raises BadInput where there is nothing to judge, or a glob matches nothing: a mistyped one must not pass.
    """
    found = dict.fromkeys(key for key in keys if not globs or any(_matches(key, glob) for glob in globs))
    idle = [glob for glob in globs if not any(_matches(key, glob) for key in found)]
    if idle or not found:
        raise BadInput(f"no case of either side matches {', '.join(idle) or 'anything'}: see `ngtbench list`")
    return list(found)


def ruled(known: Rules, keys: Iterable[str], max_pairs: int | None) -> dict[str, Rule]:
    """Return each key with its rule; `max_pairs` replaces the rules' own."""
    found = {key: known.rule(key.partition(" on ")[0]) for key in keys}
    return {key: replace(rule, max_pairs=max_pairs) for key, rule in found.items()} if max_pairs else found


def idle(known: Rules, keys: Iterable[str]) -> list[str]:
    """Return a note per table that matches no case: mistyped, or left behind by a new version of a workload."""
    cases = [key.partition(" on ")[0] for key in keys]
    dead = [table.match for table in known.tables if not any(fnmatch.fnmatchcase(case, table.match) for case in cases)]
    return [f"the rule for '{match}' matches no case that was judged" for match in dead]


def _matches(key: str, glob: str) -> bool:
    case = key.partition(" on ")[0]
    workload = case.partition("@")[0]
    return fnmatch.fnmatchcase(case, glob) if "@" in glob else fnmatch.fnmatchcase(workload, glob) or case.startswith(f"{glob}/")


def _checked(path: Path, key: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes as they are, once a rule can be made of them."""
    known = [one.name for one in fields(Rule)]
    for name in changes:
        if name not in known:
            raise BadInput(f"{path}: {key}.{name}: no such key: there are {', '.join(known)}")
    try:
        strict = TypeAdapter(tuple[Rule], config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
        strict.validate_json(json.dumps([changes], default=str))  # as JSON, for strict Python wants a Rule already
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise BadInput(f"{path}: {key}.{fault['loc'][-1]}: {fault['msg']}, found {fault['input']!r}") from error
    for name, least in (("tolerance", 0.0), ("floor", 0.0), ("max_pairs", 6)):
        value = changes.get(name)
        if value is not None and (value < least or (name == "tolerance" and not 0 < value < 1)):
            raise BadInput(
                f"{path}: {key}.{name}: {value!r} makes no sense: a share between 0 and 1, pairs from 6, a floor from 0"
            )
    return changes
