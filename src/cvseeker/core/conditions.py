"""What a machine must offer before hours of work begin."""

import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from cvseeker.core.errors import InputError, LlmError

# A server in the same building answers in milliseconds.
SECONDS_TO_ANSWER = 5.0
_PORTS = {"http": 80, "https": 443}


def check_room(folder: Path, needed: float) -> None:
    """Refuse a disk with fewer bytes free than are needed; the folder may not be there yet."""
    there = next((path for path in (folder, *folder.absolute().parents) if path.is_dir()), None)
    if there is not None and (free := shutil.disk_usage(there).free) < needed:
        raise InputError(
            f"{folder}: {free / 1e6:,.0f} MB are free on the disk; expected "
            f"{needed / 1e6:,.0f} MB; free some, or name another place"
        )


def check_reachable(url: str | None) -> None:
    """Refuse a server of the user's own that does not listen; behind a proxy none is looked for."""
    if url is None:
        return
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or _PORTS.get(address.scheme, 443)
    if address.scheme in getproxies() and not proxy_bypass(host):
        return
    try:
        socket.create_connection((host, port), timeout=SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise LlmError(
            f"{url}: nobody answers there ({error}); start the server, or name another one with "
            "--llm-url"
        ) from error
