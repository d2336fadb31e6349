"""One request from its arrival to its reply: rules, fault, latency, delivery."""

import asyncio
import select
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from fake_llm.faults import USABLE_FAULTS, draw_fault
from fake_llm.options import Options
from fake_llm.state import STATE, RefusedError, State, json_response
from fake_llm.tally import Tally

# Linux says at once that the other side has closed; elsewhere the event loop says so a bit later.
_CLOSED = getattr(select, "POLLRDHUP", 0)


async def serve(
    request: web.Request,
    tally: Tally,
    key: str,
    make: Callable[[str], dict[str, Any]],
    *,
    options: Options,
) -> web.StreamResponse:
    """Answer a request that was understood; ``make`` makes the reply, given the fault."""
    state = request.app[STATE]
    due = time.monotonic() + _latency(key, options)
    tally.attempt(key)
    try:
        state.check_rate()
        state.check_quota()
    except RefusedError as refused:
        tally.refuse(refused.reason, key)
        return refused.to_response()
    fault = draw_fault(key, tally.draw(key), options=options)
    if fault:
        tally.fault(key, fault)
    if broken := await _break(request, fault, due, options):
        return broken
    response = json_response(value := make(fault))
    await asyncio.sleep(due - time.monotonic())
    arrived = await _deliver(request, response)
    usable = not fault or fault in USABLE_FAULTS
    _count(state, tally, key, value["usage"], arrived=arrived, usable=usable)
    return response


def error_of(fault: str, options: Options) -> RefusedError | None:
    """Return the error that a fault answers with, ``None`` for faults of another sort."""
    if fault == "server_error":
        message = "The server had an error while processing your request. Sorry about that!"
        return RefusedError(500, message, kind="server_error")
    if fault in ("rate_limit", "rate_limit_silent"):
        wait = options.fault_retry_after if fault == "rate_limit" else None
        message = "Rate limit reached for requests. Please slow down."
        return RefusedError(
            429, message, kind="requests", code="rate_limit_exceeded", retry_after=wait
        )
    return None


async def _break(
    request: web.Request, fault: str, due: float, options: Options
) -> web.Response | None:
    """Answer with a fault of the transport; ``None`` if it is not one."""
    if refused := error_of(fault, options):
        if refused.status != 429:
            await asyncio.sleep(due - time.monotonic())
        return refused.to_response()
    if fault not in ("reset", "stall"):
        return None
    await asyncio.sleep(options.stall if fault == "stall" else due - time.monotonic())
    if request.transport is not None:
        if fault == "reset":
            request.transport.abort()
        else:
            request.transport.close()
    return web.Response()  # goes nowhere


async def _deliver(request: web.Request, response: web.Response) -> bool:
    """Write a response; return whether the client was there for it."""
    if not _is_there(request):
        return False
    try:
        await response.prepare(request)
        await response.write_eof()
    except ConnectionError:
        return False
    # Not asked once more: a client may well take its reply and leave.
    return True


def _is_there(request: web.Request) -> bool:
    """Say whether the client still holds its connection."""
    transport = request.transport
    if transport is None or transport.is_closing():
        return False
    if not _CLOSED:
        return True
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), _CLOSED)
    return not poll.poll(0)


def _count(
    state: State, tally: Tally, key: str, usage: dict[str, int], *, arrived: bool, usable: bool
) -> None:
    """Count an answer, in the quota as well."""
    tally.answer(key, usage, arrived=arrived, usable=usable)
    if usable and (arrived or state.options.count_abandoned):
        state.successes += 1


def _latency(key: str, options: Options) -> float:
    """Return a content's seconds from arrival to reply."""
    return options.latency + options.jitter * (int(key, 16) % 1000) / 1000
