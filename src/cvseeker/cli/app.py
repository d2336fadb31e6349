"""The commands in their order, and every error as one line.

Heavy modules are imported inside the commands, so that ``cvseeker --help`` is instant.
"""

import os
import sys
from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import Annotated

import typer

from cvseeker.cli.audit import audit
from cvseeker.cli.erasure import remove, retain
from cvseeker.cli.evaluate import compare, evaluate
from cvseeker.cli.failures import explain
from cvseeker.cli.finetune import finetune
from cvseeker.cli.pipeline import demo, ingest, run
from cvseeker.cli.program import pasteable
from cvseeker.cli.queries import generate, judge
from cvseeker.cli.search import doctor, index, search, status
from cvseeker.cli.serve import serve, token
from cvseeker.cli.streams import prepare_streams, put, say, unwritable
from cvseeker.core import __version__
from cvseeker.core.errors import InputError

COMMANDS = (
    demo,
    run,
    ingest,
    generate,
    judge,
    finetune,
    evaluate,
    compare,
    audit,
    index,
    search,
    serve,
    token,
    status,
    remove,
    retain,
    doctor,
)

# What a shell sets that asks for completions.
_COMPLETION = "_CVSEEKER_COMPLETE"

app = typer.Typer(
    name="cvseeker",
    help="Turn a folder of résumés into an embedding model that knows them, and search with it.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(
    invoke_without_command=True,
    epilog="\b\nExamples:\n  cvseeker demo\n  cvseeker run resumes -w workspace\n"
    '  cvseeker search -w workspace "icu nurse, night shifts"',
)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("-V", "--version", help="Print the version.")] = False,
) -> None:
    if version:
        put(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
    from cvseeker.train import world_size

    if world_size() > 1 and context.invoked_subcommand != "finetune":
        raise InputError(
            f"{context.invoked_subcommand}: started in {world_size()} processes, and only finetune "
            f"runs in several; type: cvseeker {context.invoked_subcommand}"
        )


for one in COMMANDS:
    app.command(epilog=one.epilog)(one.run)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, by default what was typed, and turn every failure into one line on stderr.

    Returns 0 fine, 1 our fault, 2 the user's input or machine, 130 interrupted.
    """
    if arguments is None:
        prepare_streams()
        arguments = sys.argv[1:]
    known = [one.name for one in COMMANDS if one.name in arguments[:1]]
    try:
        _refuse_undecodable(arguments)
        _refuse_empty(arguments)
        status = _run(arguments)
        # What is not written yet may not fit the disk, and nobody would say so.
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        return _ended_by(error, " ".join(["cvseeker", *known]))
    return status


def _run(arguments: Sequence[str]) -> int:
    """Run one command, without the answers that Typer has to some exceptions."""
    if _COMPLETION in os.environ:
        app(list(arguments), standalone_mode=False, prog_name="cvseeker")
        return 0
    group = typer.main.get_command(app)
    try:
        with group.make_context("cvseeker", list(arguments)) as context:
            group.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def _ended_by(error: BaseException, command: str) -> int:
    unwritten = unwritable(sys.stdout)
    if isinstance(unwritten or error, BrokenPipeError):
        # Whoever read our output, such as `head`, has seen enough.
        return 0
    if unwritten is not None:
        error = OSError(unwritten.errno, unwritten.strerror, "the output")
    failure = explain(error, command)
    say(f"cvseeker: {pasteable(failure.line)}")
    # Nobody may be there to read it, or the disk below it may be full.
    unwritable(sys.stderr)
    return failure.status


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Refuse what a variable without a value leaves: as a path it would be the folder one is in."""
    for option, value in pairwise(["", *takewhile(lambda argument: argument != "--", arguments)]):
        name, given, joined = value.partition("=")
        if given and not joined.strip() and name.startswith("--"):
            raise InputError(f"{name} is {joined!r}; expected a value")
        if not value.strip() and option.startswith("-"):
            raise InputError(f"{option} is {value!r}; expected a value")
        # A query without words is search's to answer.
        if not value.strip() and arguments[0] != "search":
            raise InputError(f"one argument is {value!r}; expected a file, a folder or nothing")


def _refuse_undecodable(arguments: Sequence[str]) -> None:
    """Refuse what was typed in another encoding; the names of files may be in any."""
    for argument in arguments:
        if not _is_unicode(argument) and not os.path.lexists(argument):
            shown = ascii(argument)
            raise InputError(f"{shown}: not UTF-8; expected arguments in UTF-8, or a file's name")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
