"""The server's state, and the rules that every request meets: key, rate, model, parameters."""

import asyncio
import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from fake_llm.options import Options, split_list
from fake_llm.tally import Tally


class RefusedError(Exception):
    """A request is answered with an error in OpenAI's form."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        retry_after: float | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": kind, "param": param, "code": code}
        self.retry_after = retry_after
        self.reason = reason or code or f"bad_request_{status}"

    def to_response(self) -> web.Response:
        """Return the HTTP answer."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = f"{self.retry_after:g}"
        return json_response({"error": self.error}, status=self.status, headers=headers)


class State:
    """Everything the server remembers."""

    def __init__(self, options: Options) -> None:
        self.started_with = options
        self.tasks: set[asyncio.Task[None]] = set()
        self.reset({})

    def reset(self, changes: Mapping[str, Any]) -> None:
        """Forget everything but the options of the start; change some of them until next time."""
        for task in self.tasks:
            task.cancel()
        self.options = replace(self.started_with, **changes)
        self.models = split_list(self.options.models)
        self.rejected = split_list(self.options.reject_params)
        count_abandoned = self.options.count_abandoned
        self.chat = Tally(count_abandoned=count_abandoned)
        self.others = Tally(count_abandoned=count_abandoned)
        self.files: dict[str, tuple[dict[str, Any], bytes]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.successes = 0
        self.last_id = ""
        self.serial = 0
        self.allowance = self._capacity()
        self.refilled = time.monotonic()

    def tally_of(self, path: str) -> Tally:
        """Return where a path's requests are counted."""
        return self.chat if path == "/v1/chat/completions" else self.others

    def new_id(self, prefix: str) -> str:
        """Return an id that was never given before."""
        self.serial += 1
        return f"{prefix}{self.serial:012d}"

    def check_key(self, request: web.Request) -> None:
        """Let in the right key only.

        The refusal repeats the key that was sent, as careless servers do: a client has to keep
        its key to itself all the same.
        """
        if not self.options.api_key:
            return
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or sent != self.options.api_key:
            message = f"Incorrect API key provided: {sent}." if sent else "No API key provided."
            raise RefusedError(401, message, code="invalid_api_key")

    def check_rate(self) -> None:
        """Take one request from the allowance."""
        rate = self.options.rate
        if not rate:
            return
        now = time.monotonic()
        self.allowance = min(self._capacity(), self.allowance + (now - self.refilled) * rate)
        self.refilled = now
        if self.allowance >= 1:
            self.allowance -= 1
            return
        wait = math.ceil((1 - self.allowance) / rate * 1000) / 1000
        raise RefusedError(
            429,
            f"Rate limit reached: {rate:g} requests a second. Please try again in {wait}s.",
            kind="requests",
            code="rate_limit_exceeded",
            retry_after=wait if self.options.retry_after else None,
        )

    def check_quota(self) -> None:
        """Turn away whoever has used up the quota."""
        if 0 <= self.options.quota <= self.successes:
            raise RefusedError(
                429,
                "You exceeded your current quota, please check your plan and billing details.",
                kind="insufficient_quota",
                code="insufficient_quota",
            )

    def check_model(self, body: Mapping[str, Any]) -> str:
        """Return the model that is asked for, if it is known."""
        model = body.get("model")
        if not isinstance(model, str) or not model:
            raise RefusedError(400, "you must provide a model parameter", param="model")
        if self.models and model not in self.models:
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise RefusedError(404, message, code="model_not_found", param="model")
        return model

    def check_parameters(self, body: Mapping[str, Any]) -> None:
        """Turn away parameters and reply formats that this server does not know."""
        for name in self.rejected:
            if name in body:
                hint = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
                raise RefusedError(400, message, code="unsupported_parameter", param=name)
        wanted = (body.get("response_format") or {"type": "text"}).get("type", "text")
        taken = {
            "text": True,
            "json_schema": self.options.json_schema,
            "json_object": self.options.json_object,
        }
        if not taken.get(wanted):
            message = (
                f"Invalid parameter: 'response_format' of type '{wanted}' is not supported with "
                "this model."
            )
            raise RefusedError(400, message, param="response_format", reason="response_format")

    def _capacity(self) -> float:
        """Return how many requests may come at once."""
        return max(1.0, self.options.rate * min(self.options.burst, 1.0))


STATE = web.AppKey("state", State)


def json_response(
    value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a JSON answer."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


async def read_body(request: web.Request) -> dict[str, Any]:
    """Return a request's JSON object."""
    try:
        body = json.loads(await request.read())
    except ValueError as error:
        raise RefusedError(
            400, f"We could not parse the JSON body of your request: {error}"
        ) from error
    if not isinstance(body, dict):
        raise RefusedError(400, "The JSON body of a request has to be an object.")
    return body
