"""The LLMs that a notebook has, and how requests are sent to each sort."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from cvseeker.core.errors import MissingExtraError, SettingsError
from cvseeker.llm import (
    OPENAI_URL,
    ChatRequest,
    ChatTask,
    Endpoint,
    SendCounts,
    SendSettings,
    check_url,
    send_all,
    send_in_process,
)

# The name under which the sending process finds an object's key; messages about the key quote it.
_KEY = "api_key"
_SDK_VERSION = 3


class Send(Protocol):
    """Sends requests until each has an outcome in the ledger."""

    def __call__(
        self,
        requests: Iterable[ChatRequest],
        *,
        task: ChatTask,
        settings: SendSettings,
        ledger: Path,
        changed: Callable[[SendCounts, str], None],
    ) -> SendCounts:
        """See :func:`~cvseeker.llm.dispatch.send_all`."""
        ...


@dataclass(frozen=True, slots=True)
class Client:
    """An LLM, and the way to it; ``url`` says where it is, or what sort of object it is."""

    model: str
    url: str
    temperature: float | None
    send: Send


def find_client(llm: Any, *, llm_url: str | None, reshape: Callable[[str], str]) -> Client:
    """Find out how an LLM is asked; nothing is sent.

    Parameters
    ----------
    llm
        A model's name, a LlamaIndex LLM, or ``None`` for that of LlamaIndex's ``Settings``.
    llm_url
        Address for a model's name.
    reshape
        See :class:`~cvseeker.llm.in_process.ObjectTransport`.

    Raises
    ------
    SettingsError
        If there is an address for an object, which has its own, or the object is no LLM.
    MissingExtraError
        If LlamaIndex is needed and not installed.
    """
    if llm is None:
        llm = _default_llm()
    if isinstance(llm, str):
        return _chat_client(Endpoint(llm, check_url(llm_url or OPENAI_URL)), None, {})
    if llm_url is not None:
        raise SettingsError(
            f"llm_url {llm_url!r}: goes with a model's name; an LLM object has its own address"
        )
    if not hasattr(llm, "acomplete"):
        raise SettingsError(f"llm {llm!r:.80}: expected a LlamaIndex LLM or a model's name")
    temperature = getattr(llm, "temperature", None)
    temperature = float(temperature) if isinstance(temperature, int | float) else None
    if _is_chat_endpoint(llm):
        endpoint = Endpoint(
            llm.model, check_url(llm.api_base), _KEY, float(getattr(llm, "timeout", 0) or 120.0)
        )
        return _chat_client(endpoint, temperature, {_KEY: llm.api_key} if llm.api_key else {})

    async def complete(prompt: str) -> str:
        return str((await llm.acomplete(prompt)).text)

    return Client(
        model=str(getattr(llm, "model", None) or llm.metadata.model_name),
        url=f"{type(llm).__module__}.{type(llm).__qualname__}",
        temperature=temperature,
        send=partial(send_in_process, complete=complete, reshape=reshape),
    )


def _chat_client(
    endpoint: Endpoint, temperature: float | None, environment: dict[str, str]
) -> Client:
    send = partial(send_all, endpoint=endpoint, environment=environment)
    return Client(endpoint.model, endpoint.url, temperature, send)


def _is_chat_endpoint(llm: Any) -> bool:
    """Whether an object says no more than address, key and model, for Chat Completions."""
    if not _has_sdk():
        return False  # LlamaIndex's own packages may hold OpenAI's SDK at a version before ours
    return (
        # OpenAI, OpenAILike and their children; Azure's, one of them, needs more.
        any(base.__name__ == "OpenAI" for base in type(llm).__mro__)
        and not hasattr(llm, "azure_endpoint")
        and not getattr(llm, "default_headers", None)
        and not getattr(llm, "additional_kwargs", None)
        and getattr(llm, "is_chat_model", True)
        and all(isinstance(getattr(llm, name, None), str) for name in ("model", "api_base"))
    )


def _has_sdk() -> bool:
    try:
        return int(version("openai").partition(".")[0]) >= _SDK_VERSION
    except PackageNotFoundError:
        return False


def _default_llm() -> Any:
    try:
        from llama_index.core import Settings
    except ImportError as error:
        raise missing_llama_index() from error
    return Settings.llm


def missing_llama_index() -> MissingExtraError:
    """Return the error that names the pip line."""
    return MissingExtraError(
        "LlamaIndex is not installed; run: pip install 'cvseeker[llama-index]'"
    )
