"""What a failure of an endpoint means for a request and for the run."""

import math
import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from cvseeker.llm.endpoint import OPENAI_URL, Endpoint
from cvseeker.llm.request import (
    TIME_OUT,
    BrokenError,
    BusyError,
    FatalError,
    RejectedError,
    SendError,
    UnreachableError,
)
from cvseeker.llm.sdk import http_library

if TYPE_CHECKING:
    import openai

# How gateways say that a passage was not let through to the model.
_FORBIDDEN, _MODERATED = 403, re.compile(r"moderat|flagged|content polic", re.IGNORECASE)
_TOO_MANY, _SERVER_FAULT, _TIMEOUTS = 429, 500, (408, 409)
# What a web server of another sort says to a POST.
_NOT_SERVED = (405, 501)
_LONGEST_COMPLAINT, _LONGEST_READ = 300, 3_000
# Of a jittered, doubling pause, in seconds; as the SDK's own.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
# A day: no server means more.
_LONGEST_WAIT = 24 * 3600.0
_SECRET = re.compile(r"\b(?:sk|pk|gsk|key|Bearer)[-_ ][\w*-]{6,}")


@contextmanager
def translated(endpoint: Endpoint) -> Iterator[None]:
    """Turn what the SDK and what is below it raise into what it means, with no secret in it."""
    import aiohttp
    import openai

    http = http_library()
    try:
        yield
    except TimeoutError:
        raise BrokenError(TIME_OUT) from None
    except openai.APIConnectionError as error:
        raise _connection_error(error) from None
    except openai.APIStatusError as error:
        raise status_error(error, endpoint) from None
    except (aiohttp.ClientError, http.HTTPError):  # no HTTP at all
        raise BrokenError("connection lost") from None


def backoff(attempt: int, retry_after: float) -> float:
    """Return how long to wait: full jitter over a doubling span, no less than was asked for."""
    return retry_after + random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1)))


def _connection_error(error: "openai.APIConnectionError") -> BrokenError:
    """Return what a failed connection means.

    The SDK calls most failures of aiohttp a time-out; what it was stands at the end of the chain.
    """
    import aiohttp

    http = http_library()
    causes = [error.__cause__, error.__cause__ and error.__cause__.__cause__]
    unreachable = http.ConnectError | aiohttp.ClientConnectorError
    if any(isinstance(cause, unreachable) for cause in causes):
        return UnreachableError("nobody answers there")
    if any(isinstance(cause, aiohttp.ClientError) for cause in causes):
        timed_out = any(isinstance(cause, TimeoutError) for cause in causes)
    else:
        timed_out = any(isinstance(cause, http.TimeoutException) for cause in causes)
    return BrokenError(TIME_OUT if timed_out else "connection lost")


def status_error(error: "openai.APIStatusError", endpoint: Endpoint) -> SendError:
    """Return what an HTTP error status means for the request and for the run."""
    status, code = error.status_code, error.code or error.type
    complaint = _complaint(error, endpoint)
    where, whose = endpoint.url, endpoint.key_env
    no_credit = f"no credit left for the key in {whose} ({status}: {complaint}); add some"
    fatal = {
        401: f"the key in {whose} was refused (401); set another one, or name its variable with "
        f"{endpoint.key_option}",
        402: no_credit,
        403: f"the key in {whose} may not do this (403: {complaint})",
        404: f"knows no model {endpoint.model!r}, or is no OpenAI-compatible address "
        f"(404: {complaint}); see the models it has at {where}/models",
    }
    wait = retry_after(error.response.headers)
    if status == _FORBIDDEN and _MODERATED.search(complaint):
        return RejectedError(f"{status}: {complaint}")
    if status in _NOT_SERVED:
        return FatalError(
            f"{where}: is no OpenAI-compatible address ({status}: {complaint}); expected one such "
            f"as {OPENAI_URL} or http://localhost:11434/v1 ({endpoint.url_option})"
        )
    if status in fatal or code == "insufficient_quota":
        return FatalError(f"{where}: {fatal.get(status, no_credit)}")
    if status == _TOO_MANY:
        return BusyError("too many requests (429)", wait)
    if status >= _SERVER_FAULT or status in _TIMEOUTS:
        return BrokenError(f"server error ({status})", wait)
    return RejectedError(f"{status}: {complaint}")


def _complaint(error: "openai.APIStatusError", endpoint: Endpoint) -> str:
    """Return what a server said, on one line and without the key."""
    # Half a surrogate pair, which JSON can spell, could be written nowhere.
    text = " ".join(str(error.message).split()).encode("utf-8", "replace").decode()
    return _SECRET.sub("***", endpoint.hide(text)[:_LONGEST_READ])[:_LONGEST_COMPLAINT]


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that a server asks to wait, 0 where it does not say."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
        return min(max(0.0, seconds), _LONGEST_WAIT) if math.isfinite(seconds) else 0.0
    try:
        at = parsedate_to_datetime(headers["retry-after"])
        return min(max(0.0, at.timestamp() - time.time()), _LONGEST_WAIT)
    except (KeyError, ValueError, TypeError, OverflowError):
        return 0.0
