"""Over HTTP to an OpenAI-compatible endpoint, through OpenAI's SDK."""

import asyncio
from typing import TYPE_CHECKING, Any

from cvseeker.llm.bounds import bound
from cvseeker.llm.dialect import Dialect, read_completion, request_body
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.failures import translated
from cvseeker.llm.ledger import Ledger
from cvseeker.llm.replies import read_reply
from cvseeker.llm.request import (
    Answer,
    ChatRequest,
    ChatTask,
    RejectedError,
    RequestT,
    Transport,
)
from cvseeker.llm.sdk import http_library, import_sdk, silent_headers, silent_request_headers

if TYPE_CHECKING:
    import openai

_CONNECT_SECONDS = 10.0


class HttpTransport(Transport[RequestT]):
    """What transports over HTTP share: a pool of connections and how a body is posted.

    ``useless`` and ``advice`` say what is said of an endpoint whose first reply is none.
    """

    useless: str
    advice: str = ""

    def __init__(self, endpoint: Endpoint, *, connections: int) -> None:
        self.endpoint = endpoint
        self._client = open_async_client(endpoint, connections=connections)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def simplify(self) -> bool:
        """Ask in a simpler way from now on, if there is one."""
        return False

    def remember(self, ledger: Ledger) -> None:
        """Write down what was found out about the endpoint."""

    async def post(self, path: str, body: dict[str, Any]) -> str:
        """Send one request; return its reply's text without the key, or raise what went wrong."""
        answer = http_library().Response
        with translated(self.endpoint):
            async with asyncio.timeout(self.endpoint.timeout_seconds):
                response = await self._client.post(
                    path,
                    cast_to=answer,
                    body=body,
                    options={"headers": silent_request_headers()},
                )
        return self.endpoint.hide(str(response.text))


class ChatTransport(HttpTransport[ChatRequest]):
    """The way to an LLM, in the dialect that it takes."""

    useless = "no usable reply"
    advice = ". See the raw reply in the ledger, or try another model"

    def __init__(
        self, endpoint: Endpoint, task: ChatTask, *, dialect: Dialect, connections: int
    ) -> None:
        super().__init__(endpoint, connections=connections)
        self.task = task
        self.dialect = dialect

    @property
    def mode(self) -> str:  # type: ignore[override]
        """The form of the replies asked for at present."""
        return self.dialect.form

    async def send(self, request: ChatRequest) -> Answer:
        """Send one request once, and again if the server takes it only in a simpler dialect."""
        while True:
            dialect = self.dialect
            body = request_body(self.task, self.endpoint.model, request.text, dialect)
            try:
                return read_completion(await self.post("/chat/completions", body))
            except RejectedError as error:
                # Another request may have learnt the same meanwhile.
                simpler = dialect.without(error.reason)
                if simpler is None:
                    raise
                if self.dialect == dialect:
                    self.dialect = simpler

    def read(self, answer: Answer) -> str:
        """Return an answer's JSON."""
        return read_reply(answer, self.task)

    def simplify(self) -> bool:
        """Ask for the reply's form in the next simpler way, if there is one."""
        simpler = self.dialect.simpler_form()
        self.dialect = simpler or self.dialect
        return simpler is not None

    def remember(self, ledger: Ledger) -> None:
        """Write down in which dialect the endpoint takes requests."""
        ledger.set_mode(self.endpoint.url, self.endpoint.model, self.dialect.to_json())


def open_async_client(endpoint: Endpoint, *, connections: int) -> "openai.AsyncOpenAI":
    """Open the SDK's client with its retries and its reports on this machine off."""
    sdk, http = import_sdk(), http_library()
    check = bound(endpoint)

    async def hook(response: Any) -> None:
        check(response)

    limits = http.Limits(max_connections=connections, max_keepalive_connections=connections)
    timeout = http.Timeout(endpoint.timeout_seconds, connect=_CONNECT_SECONDS, pool=None)
    client: openai.AsyncOpenAI = sdk.AsyncOpenAI(
        api_key=endpoint.key(),
        base_url=endpoint.url,
        max_retries=0,
        timeout=timeout,
        default_headers=silent_headers(),
        http_client=sdk.DefaultAioHttpClient(
            limits=limits,
            timeout=timeout,
            follow_redirects=False,
            event_hooks={"response": [hook]},
        ),
    )
    return client
