"""The transport to an OpenAI-compatible endpoint, through OpenAI's SDK."""

import asyncio
from typing import TYPE_CHECKING, Any

from cvseeker.core.errors import MissingExtraError
from cvseeker.llm.chat import Answer, BrokenError, ChatRequest, ChatTask, RejectedError
from cvseeker.llm.dialect import Dialect, read_completion, request_body
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.failures import connection_error, status_error

if TYPE_CHECKING:
    import openai

_CONNECT_SECONDS = 10.0
# What the SDK would tell every server about this machine.
_TELLTALE = ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async")
_TELLTALE_OF_REQUEST = ("x-stainless-retry-count", "x-stainless-read-timeout")


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
        return read_completion(await post(self._client, self.endpoint, "/chat/completions", body))


async def post(
    client: "openai.AsyncOpenAI", endpoint: Endpoint, path: str, body: dict[str, Any]
) -> str:
    """Send one request and return the text of its reply.

    Parameters
    ----------
    client
        From :func:`open_async_client`.
    endpoint
        Says how long to wait, and stands in what is complained of.
    path
        Below the endpoint's address, such as ``/embeddings``.
    body
        The request, JSON-ready.

    Raises
    ------
    BrokenError, RejectedError, FatalError
        If no answer comes, or one that is not 200; see :func:`status_error`.
    """
    import httpx2
    import openai

    try:
        async with asyncio.timeout(endpoint.timeout_seconds):
            response = await client.post(
                path,
                cast_to=httpx2.Response,
                body=body,
                options={"headers": silent_request_headers()},
            )
    except TimeoutError:
        raise BrokenError("time-out") from None
    except openai.APIConnectionError as error:
        raise connection_error(error) from None
    except openai.APIStatusError as error:
        raise status_error(error, endpoint) from None
    return response.text


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
