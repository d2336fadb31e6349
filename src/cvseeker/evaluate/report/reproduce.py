"""Settings as a file: what an evaluation is made again with."""

import json
from collections.abc import Mapping
from typing import Any


def settings_toml(settings: Mapping[str, Any], name: str = "") -> str:
    r"""Write settings as TOML; what is ``None`` is left to its default, for TOML has no null.

    Examples
    --------
    >>> settings_toml({"evaluate": {"top_k": 100, "windows": None}})
    '[evaluate]\ntop_k = 100'
    """
    values = [
        # JSON's strings, numbers and booleans are TOML's as well.
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in settings.items()
        if value is not None and not isinstance(value, Mapping)
    ]
    tables = [
        settings_toml(value, f"{name}.{key}" if name else key)
        for key, value in settings.items()
        if isinstance(value, Mapping)
    ]
    head = [f"[{name}]"] if name and values else []
    return "\n\n".join(part for part in ["\n".join(head + values), *tables] if part)
