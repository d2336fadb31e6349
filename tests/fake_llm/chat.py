"""``/v1/chat/completions``, ``/v1/embeddings`` and ``/v1/models``."""

import base64
import math
import time
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from fake_llm.exchange import serve
from fake_llm.faults import TRANSPORT_FAULTS, content_key, spoil
from fake_llm.options import split_list
from fake_llm.replies import count_tokens, text_of, write_reply
from fake_llm.state import DEFAULT_MODEL, STATE, RefusedError, State, json_response, read_body
from fake_llm.writing import content_words


def chat_key(body: Mapping[str, Any]) -> str:
    """Return what identifies a chat request: a longer ``max_tokens`` does not make it another."""
    return content_key(body["model"], body["messages"], body.get("response_format"))


def check_chat(state: State, body: Mapping[str, Any]) -> None:
    """Turn away a chat request that is not well-formed or not served here."""
    state.check_model(body)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RefusedError(400, "Missing required parameter: 'messages'.", param="messages")
    if not all(isinstance(message, dict) and "role" in message for message in messages):
        raise RefusedError(400, "Invalid value for 'messages': no role.", param="messages")
    if body.get("stream"):
        raise RefusedError(400, "This server does not stream.", param="stream")
    state.check_parameters(body)
    wanted = body.get("response_format") or {}
    schema = wanted.get("json_schema")
    if wanted.get("type") == "json_schema" and not (
        isinstance(schema, dict) and "schema" in schema
    ):
        name = "response_format.json_schema"
        raise RefusedError(400, f"Missing required parameter: '{name}.schema'.", param=name)


def make_completion(state: State, body: Mapping[str, Any], key: str, fault: str) -> dict[str, Any]:
    """Return a chat completion, spoiled by a fault if there is one."""
    reply = spoil(write_reply(body), fault, key)
    serial = state.new_id("chatcmpl-")
    completion_id = state.last_id if fault == "duplicate_id" and state.last_id else serial
    state.last_id = completion_id
    prompt_tokens = count_tokens(text_of(body["messages"]))
    completion_tokens = count_tokens(reply.content or reply.refusal or "")
    message = {"role": "assistant", "content": reply.content, "refusal": reply.refusal}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": reply.finish_reason,
    }
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [choice],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
        "system_fingerprint": None,
    }


async def chat_completions(request: web.Request) -> web.StreamResponse:
    """Answer a chat request."""
    state = request.app[STATE]
    body = await read_body(request)
    check_chat(state, body)
    key = chat_key(body)

    def make(fault: str) -> dict[str, Any]:
        return make_completion(state, body, key, fault)

    return await serve(request, state.chat, key, make, options=state.options)


async def embeddings(request: web.Request) -> web.StreamResponse:
    """Answer a request for embeddings."""
    state = request.app[STATE]
    body = await read_body(request)
    model = state.check_model(body)
    texts = body.get("input")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not texts:
        raise RefusedError(400, "'input' has to be text or a list of texts.", param="input")
    if not all(isinstance(text, str) and text for text in texts):
        raise RefusedError(400, "'$.input' is invalid: every text needs words.", param="input")
    key = content_key(model, texts, body.get("dimensions"))

    def make(_fault: str) -> dict[str, Any]:
        return _make_embeddings(texts, body, default_dims=state.options.dims)

    # An embedding has no text that could be spoiled.
    faults = [fault for fault in split_list(state.options.faults) if fault in TRANSPORT_FAULTS]
    rate = state.options.fault_rate if faults else 0.0
    options = replace(state.options, faults=",".join(faults), fault_rate=rate)
    return await serve(request, state.embeddings, key, make, options=options)


async def models(request: web.Request) -> web.Response:
    """List the known models."""
    state = request.app[STATE]
    rows = [
        {"id": name, "object": "model", "created": 1700000000, "owned_by": "example"}
        for name in state.models or [DEFAULT_MODEL]
    ]
    return json_response({"object": "list", "data": rows})


def embed(text: str, dims: int) -> "array[float]":
    """Return a text's bag of hashed words; float32, unit length."""
    vector = [0.0] * dims
    for word in content_words(text) or {text}:
        vector[zlib.crc32(word.encode("utf-8", "surrogatepass")) % dims] += 1.0
    length = math.sqrt(sum(value * value for value in vector))
    return array("f", (value / length for value in vector))


def _make_embeddings(
    texts: list[str], body: Mapping[str, Any], *, default_dims: int
) -> dict[str, Any]:
    """Return the texts' embeddings, in base64 where that is asked for."""
    dims = body.get("dimensions") or default_dims
    rows = []
    for index, text in enumerate(texts):
        vector = embed(text, dims)
        encoded = base64.b64encode(vector.tobytes()).decode()
        value = encoded if body.get("encoding_format") == "base64" else vector.tolist()
        rows.append({"object": "embedding", "index": index, "embedding": value})
    tokens = sum(map(count_tokens, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": rows, "model": body["model"], "usage": usage}
