"""The LLMs that a notebook has, and how each sort is asked."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cvseeker.core.errors import MissingExtraError, SettingsError
from cvseeker.core.query_settings import LlmSettings
from cvseeker.llm import ChatClient, ChatTask

# The name under which the sending process finds an object's key; messages about the key quote it.
_KEY = "api_key"
_SDK_VERSION = 2


def find_llm(llm: Any, *, llm_url: str | None) -> Any:
    """Return the LLM that was meant, ``None`` being that of LlamaIndex's ``Settings``."""
    if llm is None:
        try:
            from llama_index.core import Settings
        except ImportError as error:
            raise missing_llama_index() from error
        llm = Settings.llm
    if isinstance(llm, str):
        return llm
    if llm_url is not None:
        raise SettingsError(
            f"llm_url {llm_url!r}: goes with a model's name; an LLM object has its own address"
        )
    if not hasattr(llm, "acomplete"):
        raise SettingsError(f"llm {llm!r:.80}: expected a LlamaIndex LLM or a model's name")
    return llm


def temperature_of(llm: Any) -> float | None:
    """Return an LLM object's temperature, ``None`` where it has none."""
    temperature = getattr(llm, "temperature", None)
    return float(temperature) if isinstance(temperature, int | float) else None


def open_client(
    llm: Any, task: ChatTask, settings: LlmSettings, *, reshape: Callable[[str], str]
) -> ChatClient:
    """Find out how an LLM is asked; nothing is sent.

    A name and an object that says no more than address, key and model are asked over HTTP; any
    other object by its ``acomplete``, whose replies are then reshaped.
    """
    if isinstance(llm, str):
        return replace(ChatClient.open(llm, settings, task), price=None)
    if _is_chat_endpoint(llm):
        timeout = getattr(llm, "timeout", None) or settings.timeout_seconds
        reach = {"url": llm.api_base, "key_env": _KEY, "timeout_seconds": timeout}
        client = ChatClient.open(llm.model, settings.model_copy(update=reach), task)
        secrets = {_KEY: llm.api_key} if llm.api_key else {}
        return replace(client, price=None, secrets=secrets)

    async def complete(prompt: str) -> str:
        return str((await llm.acomplete(prompt)).text)

    return ChatClient.of_object(
        f"{type(llm).__module__}.{type(llm).__qualname__}",
        complete,
        task,
        model=str(getattr(llm, "model", None) or llm.metadata.model_name),
        settings=settings,
        reshape=reshape,
    )


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


def missing_llama_index() -> MissingExtraError:
    """Return the error that names the pip line."""
    return MissingExtraError(
        "LlamaIndex is not installed; run: pip install 'cvseeker[llama-index]'"
    )
