"""``/v1/chat/completions``."""

import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from fake_llm.exchange import serve
from fake_llm.faults import content_key, spoil
from fake_llm.replies import count_tokens, text_of, write_reply
from fake_llm.state import STATE, RefusedError, State, read_body


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
