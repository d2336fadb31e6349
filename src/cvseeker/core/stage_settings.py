"""How a setting is declared, read and refused: default, range and help stand once, in a model.

The command line's options, the TOML file's tables and the reference page are made from it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from cvseeker.core.errors import SettingsError

# Bounds that several settings share. Every number has two: what lies beyond them is a slip, or ends
# in an overflow, an endless run or an exhausted memory instead of a line.
DAY = 86_400
MOST = 1_000_000
LARGEST_SEED = 2**32 - 1

# Characters of a wrong value that are shown.
_SHOWN = 60

_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class StageSettings(BaseModel):
    """What all stages' settings share: frozen, and unknown names are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False
    )

    # What the table's options begin with, after the dashes.
    option_prefix: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _cut_lists(cls, values: Any) -> Any:
        """Take ``"256,128"`` for a list, from a file as from an option."""
        if not isinstance(values, Mapping):
            return values
        return {
            name: _cut(value) if _holds_several(cls.model_fields.get(name)) else value
            for name, value in values.items()
        }

    @classmethod
    def validated(
        cls, values: Mapping[str, Any], *, name_of: Callable[[Sequence[str]], str] = ".".join
    ) -> Self:
        """Make a table, or say in one line what is wrong with it, in the user's names."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            path = tuple(part for part in problem["loc"] if isinstance(part, str))
            if problem["type"] == "extra_forbidden":
                raise SettingsError(_unknown(cls, path)) from error
            if problem["type"] == "value_error":
                raise SettingsError(f"{name_of(path)}: {problem['ctx']['error']}") from error
            known = {one.path: one.expected for one in settings_of(cls)}
            raise SettingsError(
                f"{name_of(path)} is {_shortened(problem['input'])}; expected "
                f"{known.get(path, 'a table')}"
            ) from error


def setting(
    default: Any,
    help: str,
    *,
    unset: str = "",
    flag: str = "",
    metavar: str = "",
    rare: bool = False,
    **limits: float | str,
) -> Any:
    """Declare a setting; ``help`` is a sentence, limits are ``ge, gt, le, lt`` and ``pattern``.

    ``unset`` says what ``None`` or an empty list means, ``flag`` its option where that is not its
    name with the table's prefix, ``metavar`` what stands for its value in the help. The option of a
    ``rare`` one is left out of ``--help``; the reference page has it.
    """
    shown = {"unset": unset, "flag": flag, "metavar": metavar, "rare": rare}
    extra: dict[str, Any] = {"json_schema_extra": shown, **limits}
    return Field(default=default, description=help, **extra)


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a table, as the command line and the reference page show it.

    ``path`` has names from the table downward, such as ``("filters", "top_k")``; ``default`` and
    ``expected``, its kind and range, are in words.
    """

    path: tuple[str, ...]
    flag: str
    default: str
    expected: str
    help: str
    metavar: str
    choices: tuple[str, ...]
    is_switch: bool
    holds_several: bool
    rare: bool


def settings_of(
    table: type[StageSettings], path: tuple[str, ...] = (), unset: str = ""
) -> Iterator[Setting]:
    """Yield a table's settings, those of the tables in it where they stand.

    ``path`` is where the table stands, ``unset`` what it means that all of it is not there.
    """
    for name, field in table.model_fields.items():
        inner = _table_in(field)
        if inner is None:
            yield _setting(table, (*path, name), field, unset)
        else:
            yield from settings_of(inner, (*path, name), str(_shown(field).get("unset", "")))


def _setting(
    table: type[StageSettings], path: tuple[str, ...], field: FieldInfo, unset: str
) -> Setting:
    shown, kind = _shown(field), _kind(field)
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    option = ".".join([*path[:-1], f"{table.option_prefix}{path[-1]}"]).replace("_", "-")
    return Setting(
        path,
        flag=str(shown.get("flag") or f"--{option}"),
        default=unset or str(shown.get("unset") or _in_words(field.default)),
        expected=_expected(kind, field),
        help=field.description or "",
        metavar=str(shown.get("metavar") or _metavar(kind, choices)),
        choices=choices,
        is_switch=kind is bool,
        holds_several=_holds_several(field),
        rare=bool(shown.get("rare")),
    )


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the changes that are not ``None`` in their places, table by table."""
    result = dict(values)
    for name, change in changes.items():
        if isinstance(change, Mapping):
            before = values.get(name)
            result[name] = merged(before if isinstance(before, Mapping) else {}, change)
        elif change is not None:
            result[name] = change
    return result


def _shortened(value: object) -> str:
    """Return a wrong value as it is shown: a number may have more digits than Python writes."""
    try:
        shown = repr(value)
    except ValueError:
        return "too long a number"
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _unknown(table: type[StageSettings], path: Sequence[str]) -> str:
    """Say which known name an unknown one is nearest to, here or in another table."""
    name, before, here = path[-1], tuple(path[:-1]), table
    for part in before:
        here = _table_in(here.model_fields[part]) or here
    same = [one.path for one in settings_of(table) if one.path[-1] == name]
    near = [path for path in same if path[: len(before)] == before]
    near += [(*before, one) for one in get_close_matches(name, here.model_fields, 1)] + same
    what = "setting" if before else "table"
    meant = (
        f"did you mean {'.'.join(near[0])!r}?" if near else f"known: {', '.join(here.model_fields)}"
    )
    return f"no {what} {_shortened('.'.join(path))}; {meant}"


def _shown(field: FieldInfo) -> Mapping[str, Any]:
    """Return what :func:`setting` was told besides default, help and limits."""
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _kind(field: FieldInfo) -> Any:
    """Return the type of a value: of one of them where there are several, without ``None``."""
    kind: Any = field.annotation
    if get_origin(kind) is UnionType:
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is tuple:
        kind = get_args(kind)[0]
    # Annotated[int, Field(ge=1)]
    return getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind


def _table_in(field: FieldInfo) -> type[StageSettings] | None:
    kind = _kind(field)
    return kind if isinstance(kind, type) and issubclass(kind, StageSettings) else None


def _holds_several(field: FieldInfo | None) -> bool:
    return field is not None and get_origin(field.annotation) is tuple


def _cut(value: Any) -> Any:
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, Sequence):
        return value
    cut = [part.split(",") if isinstance(part, str) else [part] for part in parts]
    stripped = [one.strip() if isinstance(one, str) else one for part in cut for one in part]
    return [one for one in stripped if one != ""]


def _range(field: FieldInfo) -> str:
    """Say in words between which limits a number must lie."""
    items = get_args(field.annotation)[0] if _holds_several(field) else None
    declared = [*field.metadata, *getattr(items, "__metadata__", ())]
    found: dict[str, float] = {}
    for limits in declared:
        for limit in limits.metadata if isinstance(limits, FieldInfo) else [limits]:
            found |= {key: getattr(limit, key) for key in _LIMITS if hasattr(limit, key)}
    if {"ge", "le"} <= found.keys():
        return f"from {found['ge']:,} to {found['le']:,}"
    return " and ".join(f"{_LIMITS[key]} {limit:,}" for key, limit in found.items())


def _expected(kind: Any, field: FieldInfo) -> str:
    if get_origin(kind) is Literal:
        *others, last = get_args(kind)
        words = f"{', '.join(others)} or {last}"
    else:
        words = f"{_KINDS.get(kind, 'a path')} {_range(field)}".strip()
    return f"{words}; several with commas" if _holds_several(field) else words


def _metavar(kind: Any, choices: Sequence[str]) -> str:
    return "|".join(choices) or {int: "N", float: "X", str: "NAME"}.get(kind, "FILE")


def _in_words(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, int | float):
        return f"{default:,g}" if abs(default) < 1e6 else f"{default:,}"
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "none"
    return "none" if default in {None, ""} else f"{default}"
