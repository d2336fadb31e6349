"""The ``cvseeker`` command: runs the command line and turns errors into one line each."""

import codecs
import io
import sys
import traceback
from collections.abc import Sequence

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError

from cvseeker.cli.app import app
from cvseeker.core.errors import CVSeekerError

# 128 + SIGINT, as shells say it; Typer returns it too.
INTERRUPTED = 130


def main() -> None:
    """Run the command line; exit with 0 fine, 1 our fault, 2 the user's input, 130 interrupted."""
    codecs.register_error("cvseeker.escape", _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="cvseeker.escape")
    sys.exit(run_command_line(sys.argv[1:]))


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Write what an output cannot say, such as é in ASCII, as JSON does: ``\u00e9``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    codes = (f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True))
    return "".join(codes), error.end


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command, turn every error into one line on stderr, and return the exit status."""
    try:
        status = app(list(arguments), standalone_mode=False, prog_name="cvseeker")
    except NoArgsIsHelpError as error:
        typer.echo(error.format_message(), err=True)
        return 2
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else "cvseeker"
        return _complain(f"{_sentence(error)} See: {command} --help", 2)
    except ClickException as error:
        return _complain(_sentence(error), 2)
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
    typer.echo(f"cvseeker: {message}", err=True)
    return status


def _sentence(error: ClickException) -> str:
    text = " ".join(error.format_message().split())
    return text if text.endswith((".", "?", "!")) else f"{text}."


if __name__ == "__main__":
    main()
