"""The commands in their order, and every error as one line.

Heavy modules are imported inside the commands, so that ``cvseeker --help`` is instant.
"""

import codecs
import io
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from cvseeker.cli.audit import audit
from cvseeker.cli.evaluate import compare, evaluate
from cvseeker.cli.finetune import finetune
from cvseeker.cli.pipeline import demo, ingest, run
from cvseeker.cli.program import pasteable
from cvseeker.cli.queries import generate, judge
from cvseeker.cli.search import doctor, index, search
from cvseeker.core import __version__
from cvseeker.core.errors import CVSeekerError, InputError

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
    doctor,
)
# 128 + SIGINT, as shells say it; Typer returns it too.
INTERRUPTED = 130

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
        typer.echo(__version__)
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
    """Run one command, and turn every error into one line on stderr.

    Parameters
    ----------
    arguments
        What is typed after ``cvseeker``; ``None``: what was typed.

    Returns
    -------
    int
        0 fine, 1 our fault, 2 the user's input, 130 interrupted.
    """
    if arguments is not None:
        return _run(arguments)
    codecs.register_error("cvseeker.escape", _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="cvseeker.escape")
    return _run(sys.argv[1:])


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Write what an output cannot say, such as é in ASCII, as JSON does: ``\u00e9``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    codes = (f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True))
    return "".join(codes), error.end


def _run(arguments: Sequence[str]) -> int:
    try:
        status = app(list(arguments), standalone_mode=False, prog_name="cvseeker")
    except TyperException as error:
        known = [one.name for one in COMMANDS if one.name in arguments[:1]]
        return _complain(f"{_sentence(error)} See: {' '.join(['cvseeker', *known])} --help", 2)
    except CVSeekerError as error:
        return _complain(" ".join(str(error).split()), 2)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output, such as `head`, has seen enough.
        sys.stderr.close()
        return 0
    except Exception:
        traceback.print_exc()
        return _complain("that was our fault; please report the lines above", 1)
    if status == INTERRUPTED:
        return _complain("interrupted; the same command continues where it stopped", INTERRUPTED)
    return status if isinstance(status, int) else 0


def _complain(message: str, status: int) -> int:
    typer.echo(f"cvseeker: {pasteable(message)}", err=True)
    return status


def _sentence(error: TyperException) -> str:
    text = " ".join(error.format_message().split())
    return text if text.endswith((".", "?", "!")) else f"{text}."
