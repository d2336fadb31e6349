"""OpenAI-compatible Chat Completions, at any URL."""

import asyncio
import math
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cvseeker.errors import InputError, MissingExtraError
from cvseeker.llm.chat import (
    Answer,
    BrokenError,
    BusyError,
    ChatRequest,
    ChatTask,
    FatalError,
    RejectedError,
    SendError,
    UnreachableError,
)
from cvseeker.llm.dialect import Dialect, read_completion, request_body

if TYPE_CHECKING:
    import openai

OPENAI_URL = "https://api.openai.com/v1"
_CONNECT_SECONDS = 10.0
_TOO_MANY, _SERVER_FAULT, _TIMEOUTS = 429, 500, (408, 409)
# What a web server of another sort says to a POST.
_NOT_SERVED = (405, 501)
_NO_KEY = "none"
_LONGEST_TOLD = 300
_SECRET = re.compile(r"\b(?:sk|pk|gsk|key|Bearer)[-_ ][\w*-]{6,}")
# What the SDK would tell every server about this machine.
_TELLTALE = ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async")
_TELLTALE_OF_REQUEST = ("x-stainless-retry-count", "x-stainless-read-timeout")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Which LLM, where, and by whose key.

    ``key_env`` names the environment variable that holds the key; the key itself is in no record,
    file, log or error message.
    """

    model: str
    url: str = OPENAI_URL
    key_env: str = "OPENAI_API_KEY"
    timeout_seconds: float = 120.0

    def key(self) -> str:
        """Return the key.

        Raises
        ------
        InputError
            If the endpoint is not on this machine and no key is in the environment, or what is
            there cannot be a key.
        """
        key = os.environ.get(self.key_env, "").strip()
        if not all("!" <= letter <= "~" for letter in key):
            # The key itself is not shown.
            raise InputError(
                f"the key in the environment variable {self.key_env} holds a blank or a letter "
                f"that no key has; set it anew (export {self.key_env}=…)"
            )
        if key or is_local(self.url):
            # A server of one's own wants none, and the client must have one.
            return key or _NO_KEY
        raise InputError(
            f"{self.url}: no key in the environment variable {self.key_env}; set it (export "
            f"{self.key_env}=…) or name another one with --llm-key-env"
        )


def is_local(url: str) -> bool:
    """Tell whether a URL is of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified


def check_url(url: str) -> str:
    """Return an endpoint's URL without a slash at its end.

    Raises
    ------
    InputError
        If it is no HTTP URL, or holds a password.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port beyond 65535
        known = False
    if not known:
        raise InputError(
            f"--llm-url {url!r}: expected an address such as http://localhost:11434/v1"
        )
    if parts.username or parts.password or parts.query:
        raise InputError(
            f"--llm-url of {parts.hostname}: holds a password or parameters; expected the address "
            "alone, and the key in an environment variable (--llm-key-env)"
        )
    return url.rstrip("/")


class ChatEndpoint:
    """The transport to an endpoint, through OpenAI's SDK.

    Parameters
    ----------
    endpoint
        Which LLM and where.
    task
        What all requests share.
    dialect
        How requests are written.
    connections
        Requests in flight at most.
    """

    def __init__(
        self, endpoint: Endpoint, task: ChatTask, *, dialect: Dialect, connections: int
    ) -> None:
        self.endpoint = endpoint
        self.task = task
        self.dialect = dialect
        self._client = open_async_client(endpoint, connections=connections)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def send(self, request: ChatRequest) -> Answer:
        """Send one request once, and again if the server takes it only in a simpler dialect.

        Raises
        ------
        SendError
            If no answer came; its class says whether another attempt makes sense.
        """
        while True:
            dialect = self.dialect
            try:
                return await self._send(
                    request_body(self.task, self.endpoint.model, request.text, dialect)
                )
            except RejectedError as error:
                # Another request may have learnt the same meanwhile.
                simpler = dialect.without(error.reason)
                if simpler is None:
                    raise
                if self.dialect == dialect:
                    self.dialect = simpler

    async def _send(self, body: dict[str, Any]) -> Answer:
        import httpx2
        import openai

        try:
            async with asyncio.timeout(self.endpoint.timeout_seconds):
                response = await self._client.post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    body=body,
                    options={"headers": silent_request_headers()},
                )
        except TimeoutError:
            raise BrokenError("time-out") from None
        except openai.APIConnectionError as error:
            raise connection_error(error) from None
        except openai.APIStatusError as error:
            raise status_error(error, self.endpoint) from None
        return read_completion(response.text)


def open_async_client(endpoint: Endpoint, *, connections: int) -> "openai.AsyncOpenAI":
    """Open the SDK's client with its retries and its reports on this machine off.

    Raises
    ------
    MissingExtraError
        If the SDK is not installed.
    """
    try:
        import httpx2
        import openai
    except ImportError as error:
        raise MissingExtraError(
            "the OpenAI client is not installed; run: pip install 'cvseeker[llm]'"
        ) from error

    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    timeout = httpx2.Timeout(endpoint.timeout_seconds, connect=_CONNECT_SECONDS, pool=None)
    return openai.AsyncOpenAI(
        api_key=endpoint.key(),
        base_url=endpoint.url,
        max_retries=0,
        timeout=timeout,
        default_headers=silent_headers(),
        http_client=openai.DefaultAioHttpClient(limits=limits, timeout=timeout),
    )


def silent_headers() -> Any:
    """Return the default headers that leave out what the SDK tells of this machine."""
    import openai

    return {f"X-Stainless-{name}": openai.Omit() for name in _TELLTALE}


def silent_request_headers() -> Any:
    """Return the headers of one request that leave out the rest of it."""
    import openai

    return dict.fromkeys(_TELLTALE_OF_REQUEST, openai.Omit())


def connection_error(error: "openai.APIConnectionError") -> BrokenError:
    """Return what a failed connection means.

    The SDK calls most failures of aiohttp a time-out; what it was stands at the end of the chain.
    """
    import aiohttp
    import httpx2

    causes = [error.__cause__, error.__cause__ and error.__cause__.__cause__]
    unreachable = httpx2.ConnectError | aiohttp.ClientConnectorError
    if any(isinstance(cause, unreachable) for cause in causes):
        return UnreachableError("nobody answers there")
    if any(isinstance(cause, aiohttp.ClientError) for cause in causes):
        timed_out = any(isinstance(cause, TimeoutError) for cause in causes)
        return BrokenError("time-out" if timed_out else "connection lost")
    timed_out = any(isinstance(cause, httpx2.TimeoutException) for cause in causes)
    return BrokenError("time-out" if timed_out else "connection lost")


def status_error(error: "openai.APIStatusError", endpoint: Endpoint) -> SendError:
    """Return what an HTTP error status means for the request and for the run."""
    status, code = error.status_code, str(error.code or error.type or "")
    told = _told(error, endpoint)
    where, whose = endpoint.url, endpoint.key_env
    no_credit = f"no credit left for the key in {whose} ({status}: {told}); add some"
    fatal = {
        401: f"the key in {whose} was refused (401); set another one, or name its variable with "
        "--llm-key-env",
        402: no_credit,
        403: f"the key in {whose} may not do this (403: {told})",
        404: f"knows no model {endpoint.model!r}, or is no OpenAI-compatible address (404: {told});"
        f" see the models it has at {where}/models",
    }
    wait = retry_after(error.response.headers)
    if status in _NOT_SERVED:
        return FatalError(
            f"{where}: is no OpenAI-compatible address ({status}: {told}); expected one such as "
            f"{OPENAI_URL} or http://localhost:11434/v1 (--llm-url)"
        )
    if status in fatal or code == "insufficient_quota":
        return FatalError(f"{where}: {fatal.get(status, no_credit)}")
    if status == _TOO_MANY:
        return BusyError("too many requests (429)", wait)
    if status >= _SERVER_FAULT or status in _TIMEOUTS:
        return BrokenError(f"server error ({status})", wait)
    return RejectedError(f"{status}: {told}")


def _told(error: "openai.APIStatusError", endpoint: Endpoint) -> str:
    """Return what a server said, on one line and without the key."""
    # Half a surrogate pair, which JSON can spell, could be written nowhere.
    text = " ".join(str(error.message).split()).encode("utf-8", "replace").decode()
    key = endpoint.key()
    return _SECRET.sub("***", text if key == _NO_KEY else text.replace(key, "***"))[:_LONGEST_TOLD]


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that a server asks to wait, 0 where it does not say."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
        return max(0.0, seconds) if math.isfinite(seconds) else 0.0
    try:
        at = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, at.timestamp() - time.time())
    except (KeyError, ValueError, OverflowError):
        return 0.0
