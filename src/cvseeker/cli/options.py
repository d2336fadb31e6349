"""Options made from the settings models, and the few that name files and are shared."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

from cvseeker.core.errors import InputError, SettingsError
from cvseeker.core.settings import Settings
from cvseeker.core.stage_settings import Setting, settings_of

WorkspaceOption = Annotated[
    Path, typer.Option("-w", "--workspace", metavar="DIR", help="Folder of the project's stages.")
]
OptionalWorkspace = Annotated[
    Path | None,
    typer.Option("-w", "--workspace", metavar="DIR", help="Folder of the project's stages."),
]
SourcesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="SOURCE",
        help="Files and folders of résumés: PDF, DOCX, HTML, RTF, text, CSV, TSV, Parquet, JSONL, "
        "JSON Resume.",
    ),
]
JudgementsOption = Annotated[
    Path | None,
    typer.Option(
        "--judgements",
        metavar="DIR",
        help="Queries of your own with graded qrels that name résumés (queries.jsonl and "
        "qrels/test.tsv), evaluated as well.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="TOML", help="Settings from a file, one table a stage."),
]


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it runs, with its options in the signature, and how it is typed."""

    run: Callable[..., None]
    examples: tuple[str, ...]
    tables: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.run.__name__

    @property
    def typed(self) -> list[str]:
        """The examples as they are typed."""
        return [f"cvseeker {self.name} {example}".rstrip() for example in self.examples]

    @property
    def epilog(self) -> str:
        """What stands below the options in the help."""
        # \b: these lines are not wrapped.
        lines = "\n  ".join(self.typed)
        epilog = f"\b\nExamples:\n  {lines}"
        hidden = any(one.rare for _, one in _chosen(self.tables))
        return f"{epilog}\n\nMore options, seldom needed: docs/reference.md." if hidden else epilog


def takes(
    *tables: str, examples: Sequence[str], start: Settings | None = None
) -> Callable[[Callable[..., None]], Command]:
    """Put an option for each setting, of a table or a single one, in the place of ``settings``."""

    def decorate(function: Callable[..., None]) -> Command:
        flags = {f"{table}__{'__'.join(one.path)}": (table, one) for table, one in _chosen(tables)}

        def run(**given: Any) -> None:
            config = given.pop("config", None)
            values = [(*flags[name], given.pop(name)) for name in flags]
            if tables:
                settings = Settings.from_toml(config, start) if config else start or Settings()
                given["settings"] = _changed(settings, values, function.__name__)
            function(**given)

        run.__name__, run.__doc__ = function.__name__, function.__doc__
        signature = inspect.Signature(list(_parameters(function, flags)))
        run.__annotations__ = {name: one.annotation for name, one in signature.parameters.items()}
        run.__signature__ = signature  # type: ignore[attr-defined]
        return Command(run, tuple(examples), tables)

    return decorate


def _chosen(tables: Sequence[str]) -> Iterator[tuple[str, Setting]]:
    """Yield each table's settings, or the one that is named."""
    for name in tables:
        table, _, only = name.partition(".")
        for one in settings_of(type(getattr(Settings(), table))):
            if only in {"", one.path[0]}:
                yield table, one


def _parameters(
    function: Callable[..., None], flags: Mapping[str, tuple[str, Setting]]
) -> Iterator[Parameter]:
    """Yield the command's parameters, with an option a setting in the place of ``settings``."""
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if parameter.name != "settings":
            yield parameter
            continue
        options = {name: _option(one) for name, (_, one) in flags.items()}
        for name, annotation in {**options, "config": ConfigOption}.items():
            yield Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _option(setting: Setting) -> Any:
    """Declare an option; its value is read by the settings model, as the file's are."""

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in setting.choices if choice.startswith(incomplete)]

    kind: Any = list[str] if setting.holds_several else bool if setting.is_switch else str
    switch = f"/--no-{setting.flag.removeprefix('--')}" if setting.is_switch else ""
    option = typer.Option(
        setting.flag + switch,
        metavar=None if setting.is_switch else setting.metavar,
        help=f"{setting.help} [default: {setting.default}]",
        show_default=False,
        hidden=setting.rare,
        autocompletion=complete if setting.choices else None,
    )
    return Annotated[kind | None, option]


def _changed(
    settings: Settings, values: Sequence[tuple[str, Setting, Any]], command: str
) -> Settings:
    """Return the settings with the options that were typed."""
    flag_of = {(table, *one.path): one.flag for table, one, _ in values}
    changes: dict[str, Any] = {}
    for table, one, value in values:
        if value not in (None, []):
            place = changes.setdefault(table, {})
            for part in one.path[:-1]:
                place = place.setdefault(part, {})
            place[one.path[-1]] = value

    def name_of(path: Sequence[str]) -> str:
        return flag_of.get(tuple(path), ".".join(path))

    try:
        for table, change in changes.items():
            settings = settings.override(table, change, name_of=name_of)
    except SettingsError as error:
        raise SettingsError(f"{error}. See: cvseeker {command} --help") from error
    return settings


def require_one_way(workspace: Path | None, files: Mapping[str, Path | None], command: str) -> None:
    """Refuse a command that names neither a workspace nor all its files, or both."""
    named = [name for name, value in files.items() if value is not None]
    if (workspace is None) == (len(named) < len(files)) or (workspace is not None and named):
        wanted = " and ".join(files)
        given = ", ".join(["-w"] * (workspace is not None) + named) or "neither"
        raise InputError(
            f"{command} takes either -w DIR or {wanted}; got {given}. "
            f"See: cvseeker {command} --help"
        )
