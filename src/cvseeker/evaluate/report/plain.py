"""The report as plain data, for programs."""

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any


def plain_report(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report says, JSON-ready: numbers and words, no drawings.

    Parameters
    ----------
    content
        What the report's page is filled from.

    Returns
    -------
    dict
        ``title``, ``date``, ``version``, ``sets``, ``facts``, ``command``, ``settings`` (TOML) and
        ``made_with``. Each set has ``verdict``, ``notes``, ``systems`` (the means that have 95 %
        intervals), ``comparisons``, ``changes``, ``facts`` and the further sections;
        every metric of every system stands in ``metrics.json``.
    """
    return {
        "title": content["title"],
        "date": content["date"],
        "version": content["version"],
        "sets": [_plain_set(told) for told in content["sets"]],
        "facts": dict(content["facts"]),
        "command": content["command"],
        "settings": content["settings"],
        "made_with": content["made_with"].to_dict(),
    }


def _plain_set(told: Mapping[str, Any]) -> dict[str, Any]:
    names = list(next(iter(told["intervals"].values())))
    return {
        "name": told["name"],
        "title": told["title"],
        "level": told["level"],
        "verdict": told["verdict"],
        "notes": list(told["notes"]),
        "queries": told["queries"],
        "groups": told["people"],
        "systems": {
            name: {metric: asdict(rows[name]) for metric, rows in told["intervals"].items()}
            for name in names
        },
        "comparisons": [
            {
                "question": row.question,
                "metric": row.metric,
                "outcome": row.comparison.outcome,
                "difference": row.comparison.difference,
                **asdict(row.comparison),
            }
            for row in told["differences"]
        ],
        "changes": None if told["changes"] is None else asdict(told["changes"]),
        "facts": dict(told["facts"]),
        **{name: _plain(part) for name, part in told["further"].items()},
    }


def _plain(value: Any) -> Any:
    """Turn what a section's template is given into lists, dictionaries, numbers and words."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
