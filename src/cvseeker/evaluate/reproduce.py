"""How to make an evaluation again: the command and its settings."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from cvseeker.evaluate.comparison import models_of
from cvseeker.evaluate.evaluation import EvaluatedSet


def command_again(sets: Sequence[EvaluatedSet], title: str, *, in_workspace: bool) -> str:
    """Return the command that makes an evaluation again.

    Parameters
    ----------
    sets
        The query sets evaluated.
    title
        The workspace's or the data set's name, ``""`` where it is not known.
    in_workspace
        Whether a workspace was evaluated and not a data set of one's own.
    """
    config = "--config settings.toml"
    if in_workspace:
        judged = any(evaluated.name == "handwritten" for evaluated in sets)
        judgements = " --judgements DIR" if judged else ""
        return f"cvseeker run SOURCE... -w {shlex.quote(title or 'DIR')}{judgements} {config}"
    models = "".join(f" --model {shlex.quote(name)}" for name in models_of(sets[0]))
    dataset = shlex.quote(title or "FILE")
    return f"cvseeker evaluate --dataset {dataset}{models} --out DIR {config}"


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
