"""The page of all commands, options and settings, made from what declares them."""

import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence

import typer

from cvseeker.cli.app import COMMANDS, app
from cvseeker.core.settings import Settings
from cvseeker.core.stage_settings import settings_of

HEAD = """\
# Reference

Every command and its options, and every table of the settings file. `make reference` writes this
page from the settings models in `src/cvseeker/core`, of which the options are made as well.

Data goes to stdout, progress and messages to stderr. Exit codes: 0 fine, 1 our fault, 2 your input,
130 interrupted."""
SETTINGS = """\
## Settings

`--config FILE` names a TOML file; options that are typed override it. A list may be a text with
commas. In an option's name the dots are those of a table in a table:
`--windows.window-tokens 128` is

```toml
[finetune.windows]
window_tokens = 128
```"""


def reference() -> str:
    """Return the page as Markdown."""
    return "\n\n".join([HEAD, *_commands(), SETTINGS, *_tables()]) + "\n"


def _commands() -> Iterator[str]:
    yield "## Commands"
    parsed = typer.main.get_command(app)
    with parsed.make_context("cvseeker", [], resilient_parsing=True) as root:
        for command in COMMANDS:
            name = command.name
            one = parsed.commands[name]  # type: ignore[attr-defined]
            yield f"### cvseeker {name}"
            yield inspect.cleandoc(command.run.__doc__ or "")
            yield "\n".join(["```sh", *command.typed, "```"])
            with one.make_context(name, [], parent=root, resilient_parsing=True) as context:
                for option in one.params:
                    option.hidden = False
                records = [option.get_help_record(context) for option in one.params]
            # An argument's name is followed by its Python type.
            rows = [[f"`{flag.partition(' <')[0]}`", told] for flag, told in records]
            yield _table(["option", "meaning"], rows)


def _tables() -> Iterator[str]:
    for name, value in Settings():
        yield f"### [{name}]"
        yield inspect.cleandoc(value.__doc__ or "")
        yield _table(
            ["setting", "option", "default", "may be", "meaning"],
            (
                [f"`{'.'.join(one.path)}`", f"`{one.flag}`", one.default, one.expected, one.help]
                for one in settings_of(type(value))
            ),
        )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    escaped = [[" ".join(cell.split()).replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


if __name__ == "__main__":
    sys.stdout.write(reference())
