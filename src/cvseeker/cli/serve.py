"""The commands of the server."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cvseeker.cli.options import WorkspaceOption, takes
from cvseeker.cli.streams import put, say
from cvseeker.core.errors import InputError, MissingExtraError

NameArgument = Annotated[
    str | None, typer.Argument(help="Whose token; without a name, those that there are are listed.")
]


@takes(examples=("-w workspace", "-w workspace --host 0.0.0.0 --port 8080 --allow-host cv.example"))
def serve(
    *,
    workspace: WorkspaceOption,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Its port.")] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Another name under which it may be asked."),
    ] = None,
) -> None:
    """Serve search to programs (an API) and to people (a page)."""
    _check_extra()
    from cvseeker.serve import serve as listen

    _check_workspace(workspace)
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def ready() -> None:
        say(f"{address} serves {workspace}; Ctrl-C ends it")

    listen(workspace, host=host, port=port, allowed_hosts=allow_host or (), ready=ready)


@takes(
    examples=("recruiting -w workspace --role write --days 90", "recruiting -w workspace --remove")
)
def token(
    *,
    name: NameArgument = None,
    workspace: WorkspaceOption,
    role: Annotated[
        str, typer.Option(metavar="ROLE", help="What it is for: read, write or admin.")
    ] = "read",
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Let it end after so many days.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Let nobody use it any more.")] = False,
) -> None:
    """Make a token, by which others than this machine may search.

    The server asks for it, of programs and at its page.
    """
    _check_extra()
    from cvseeker.serve import ROLES, Tokens

    _check_workspace(workspace)
    tokens = Tokens(workspace)
    if name is None:
        for known, granted in sorted(tokens.names().items()):
            put(f"{known}\t{granted}")
        return
    if remove:
        tokens.remove(name)
        say(f"removed: {name}")
        return
    chosen = next((one for one in ROLES if one == role), None)
    if chosen is None:
        raise InputError(f"role {role!r}; expected {', '.join(ROLES)}")
    until = datetime.now(UTC).date() + timedelta(days) if days else None
    say("this is shown once; sign in with it, or send it as: Authorization: Bearer TOKEN")
    put(tokens.add(name, chosen, until=until))


def _check_extra() -> None:
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "serving is an extra; run: pip install 'cvseeker[serve]'"
        ) from error


def _check_workspace(workspace: Path) -> None:
    if not workspace.is_dir():
        raise InputError(f"{workspace}: no such workspace; run: cvseeker run SOURCE... -w DIR")
