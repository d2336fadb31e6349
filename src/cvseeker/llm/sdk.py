"""OpenAI's SDK, of version 2 or later, and what it speaks HTTP with."""

from importlib import import_module
from typing import Any

from cvseeker.core.errors import MissingExtraError

ENCODING = "gzip"
"""The one way in which replies may be packed."""

# What the SDK would tell every server about this machine.
_TELLTALE = ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async")
_TELLTALE_OF_REQUEST = ("x-stainless-retry-count", "x-stainless-read-timeout")


def import_sdk() -> Any:
    """Return OpenAI's SDK, or say how it is installed."""
    try:
        import openai

        http_library()
    except ImportError as error:
        raise MissingExtraError(
            "the OpenAI client is not installed; run: pip install 'cvseeker[llm]'"
        ) from error
    return openai


def http_library() -> Any:
    """Return what the SDK speaks HTTP with: httpx2 from its version 3 on, httpx before."""
    import openai

    return import_module("httpx" if openai.__version__.startswith("2.") else "httpx2")


def silent_headers() -> Any:
    """Return the default headers, which leave out what the SDK tells of this machine."""
    import openai

    telltale = {f"X-Stainless-{name}": openai.Omit() for name in _TELLTALE}
    return {**telltale, "Accept-Encoding": ENCODING}


def silent_request_headers() -> Any:
    """Return the headers of one request that leave out the rest of it."""
    import openai

    return dict.fromkeys(_TELLTALE_OF_REQUEST, openai.Omit())
