"""``/v1/files`` and ``/v1/batches``: requests by the file, answered later and in any order."""

import asyncio
import json
import random
import time
from typing import Any

from aiohttp import web

from fake_llm.chat import chat_key, check_chat, make_completion
from fake_llm.exchange import error_of
from fake_llm.faults import USABLE_FAULTS, draw_fault
from fake_llm.state import STATE, RefusedError, State, json_response, read_body

ENDPOINT = "/v1/chat/completions"
# A batch of many thousand lines must not hold up the other requests.
LINES_AT_ONCE = 100
_TIMES = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelled")


async def create_file(request: web.Request) -> web.Response:
    """Keep an uploaded file."""
    form = await request.post()
    upload, purpose = form.get("file"), form.get("purpose")
    if not isinstance(upload, web.FileField):
        raise RefusedError(400, "'file' is a required property", param="file")
    if not isinstance(purpose, str):
        raise RefusedError(400, "'purpose' is a required property", param="purpose")
    content = upload.file.read()
    return json_response(_keep_file(request.app[STATE], content, upload.filename, purpose))


async def read_content(request: web.Request) -> web.Response:
    """Return a file's bytes."""
    return web.Response(body=_find_file(request)[1], content_type="application/octet-stream")


async def create_batch(request: web.Request) -> web.Response:
    """Start a batch."""
    state = request.app[STATE]
    body = await read_body(request)
    if body.get("endpoint") != ENDPOINT:
        raise RefusedError(
            400, f"Invalid value for 'endpoint': use '{ENDPOINT}'.", param="endpoint"
        )
    if body.get("completion_window") != "24h":
        raise RefusedError(400, "Invalid value: use '24h'.", param="completion_window")
    file_id = str(body.get("input_file_id"))
    if file_id not in state.files:
        message = f"No such File object: {file_id}"
        raise RefusedError(400, message, param="input_file_id")
    now = int(time.time())
    batch: dict[str, Any] = {
        "id": state.new_id("batch_"),
        "object": "batch",
        "endpoint": ENDPOINT,
        "errors": None,
        "input_file_id": file_id,
        "completion_window": "24h",
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": now,
        "expires_at": now + 24 * 3600,
        **{f"{name}_at": None for name in _TIMES},
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": body.get("metadata"),
    }
    state.batches[batch["id"]] = batch
    task = asyncio.create_task(_process(state, batch, state.files[file_id][1]))
    state.tasks.add(task)
    task.add_done_callback(state.tasks.discard)
    return json_response(batch)


async def read_batch(request: web.Request) -> web.Response:
    """Describe a batch."""
    return json_response(_find_batch(request))


async def list_batches(request: web.Request) -> web.Response:
    """List batches, newest first."""
    batches = list(reversed(request.app[STATE].batches.values()))
    after = request.query.get("after")
    if after:
        ids = [batch["id"] for batch in batches]
        batches = batches[ids.index(after) + 1 :] if after in ids else []
    limit = int(request.query.get("limit", "20"))
    page = batches[:limit]
    return json_response(
        {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": len(batches) > limit,
        }
    )


async def _process(state: State, batch: dict[str, Any], content: bytes) -> None:
    """Take a batch through its life."""
    await asyncio.sleep(state.options.batch_seconds * 0.2)
    rows, problems = _read_rows(state, content)
    if problems:
        batch["errors"] = {"object": "list", "data": problems}
        _set_status(batch, "failed")
        return
    batch["request_counts"]["total"] = len(rows)
    _set_status(batch, "in_progress")
    await asyncio.sleep(state.options.batch_seconds * 0.8)
    random.Random(state.options.seed).shuffle(rows)
    good: list[str] = []
    bad: list[str] = []
    for start in range(0, len(rows), LINES_AT_ONCE):
        for row in rows[start : start + LINES_AT_ONCE]:
            _answer_row(state, row, good, bad)
        batch["request_counts"].update(completed=len(good), failed=len(bad))
        await asyncio.sleep(0)
    _set_status(batch, "finalizing")
    for name, lines in (("output", good), ("error", bad)):
        if lines:
            output = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
            row = _keep_file(state, output, f"{batch['id']}_{name}.jsonl", "batch_output")
            batch[f"{name}_file_id"] = row["id"]
    _set_status(batch, "completed")


def _read_rows(state: State, content: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a batch's requests, and what is wrong with them."""
    rows: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    ids: set[str] = set()
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            row = json.loads(line)
            custom_id, model = row["custom_id"], row["body"]["model"]
        except (ValueError, KeyError, TypeError):
            problems.append(_problem("invalid_json_line", "This line is no request.", number))
            continue
        if custom_id in ids:
            message = f"The custom_id '{custom_id}' is there twice."
            problems.append(_problem("duplicate_custom_id", message, number))
        if (row.get("method"), row.get("url")) != ("POST", ENDPOINT):
            problems.append(_problem("invalid_url", f"Use POST {ENDPOINT}.", number))
        if state.models and model not in state.models:
            message = f"The provided model '{model}' is not supported by the Batch API."
            problems.append(_problem("model_not_found", message, number))
        ids.add(custom_id)
        rows.append(row)
    if not rows and not problems:
        problems.append(_problem("empty_file", "The input file is empty.", None))
    return rows, problems


def _problem(code: str, message: str, line: int | None) -> dict[str, Any]:
    """Return one of a failed batch's errors."""
    return {"code": code, "message": message, "param": None, "line": line}


def _answer_row(state: State, row: dict[str, Any], good: list[str], bad: list[str]) -> None:
    """Append one request's answer to the good or the bad lines; faults may lose or double it."""
    body = row["body"]
    try:
        check_chat(state, body)
    except RefusedError as refused:
        state.chat.refuse(refused.reason)
        bad.append(_line(state, row, refused.status, {"error": refused.error}))
        return
    key = chat_key(body)
    state.chat.attempt(key)
    fault = draw_fault(key, state.chat.draw(key), options=state.options)
    if fault:
        state.chat.fault(key, fault)
    if refusal := error_of(fault, state.options):
        bad.append(_line(state, row, refusal.status, {"error": refusal.error}))
    elif fault not in ("reset", "stall"):
        completion = make_completion(state, body, key, fault)
        line = _line(state, row, 200, completion)
        good.extend([line] * (2 if fault == "duplicate_id" else 1))
        usable = not fault or fault in USABLE_FAULTS
        state.chat.answer(key, completion["usage"], arrived=True, usable=usable)


def _line(state: State, row: dict[str, Any], status: int, body: dict[str, Any]) -> str:
    """Return a line of an output or error file."""
    line = {
        "id": state.new_id("batch_req_"),
        "custom_id": row["custom_id"],
        "response": {"status_code": status, "request_id": state.new_id("req_"), "body": body},
        "error": None,
    }
    return json.dumps(line, ensure_ascii=False)


def _set_status(batch: dict[str, Any], status: str) -> None:
    """Move a batch on."""
    batch["status"] = status
    batch[f"{status}_at"] = int(time.time())


def _keep_file(state: State, content: bytes, filename: str, purpose: str) -> dict[str, Any]:
    """Store a file; return its description."""
    row: dict[str, Any] = {
        "id": state.new_id("file-"),
        "object": "file",
        "bytes": len(content),
        "created_at": int(time.time()),
        "expires_at": None,
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
        "status_details": None,
    }
    state.files[row["id"]] = (row, content)
    return row


def _find_file(request: web.Request) -> tuple[dict[str, Any], bytes]:
    """Return the file that a path names."""
    file_id = request.match_info["file_id"]
    if file_id not in request.app[STATE].files:
        raise RefusedError(404, f"No such File object: {file_id}", param="id")
    return request.app[STATE].files[file_id]


def _find_batch(request: web.Request) -> dict[str, Any]:
    """Return the batch that a path names."""
    batch_id = request.match_info["batch_id"]
    if batch_id not in request.app[STATE].batches:
        raise RefusedError(404, f"No batch found with id '{batch_id}'.", param="id")
    return request.app[STATE].batches[batch_id]
