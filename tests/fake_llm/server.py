"""Run the fake LLM server.

    python tests/fake_llm/server.py --port 0 --latency 0.05 --fault-rate 0.3 --seed 1

It prints its URL and serves until it is killed. ``GET /stats`` tells what it counted
(``?by_key=1``: for each content as well), ``POST /reset`` forgets it and takes other options.
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

# Run as a script, the folder of this package is not among those that Python looks in.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fake_llm import batches, chat
from fake_llm.options import Options, find_problem, parse_arguments
from fake_llm.state import STATE, RefusedError, State, json_response

LARGEST_BODY = 512 * 1024**2
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def count_and_refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count requests in and out, check their key, and answer what is refused with its error."""
    if not request.path.startswith("/v1/"):
        return await handler(request)
    state = request.app[STATE]
    tally = state.tally_of(request.path)
    tally.enter()
    try:
        state.check_key(request)
        return await handler(request)
    except web.HTTPException as error:
        message = f"Invalid URL ({request.method} {request.path})"
        return RefusedError(error.status, message).to_response()
    except RefusedError as refused:
        tally.refuse(refused.reason)
        return refused.to_response()
    except ConnectionError:
        # Killed while it was still sending: nobody is left to be answered.
        tally.refuse("hung_up")
        return web.Response()
    finally:
        tally.leave()


async def read_stats(request: web.Request) -> web.Response:
    """Tell what was counted: of chat requests (batches' lines among them), and of the others."""
    state = request.app[STATE]
    by_key = request.query.get("by_key", "0") != "0"
    counts: dict[str, Any] = state.chat.to_dict(by_key=by_key)
    counts["others"] = {"requests": state.others.requests, "refused": dict(state.others.refused)}
    counts["batches"] = {key: batch["status"] for key, batch in state.batches.items()}
    return json_response(counts)


async def reset(request: web.Request) -> web.Response:
    """Forget everything but the options of the start; the body changes some until next time."""
    changes = json.loads(await request.read() or b"{}")
    state = request.app[STATE]
    try:
        problem = find_problem(replace(state.started_with, **changes))
    except TypeError as error:
        problem = str(error)
    if problem:
        return RefusedError(400, problem).to_response()
    state.reset(changes)
    return json_response({"ok": True})


def make_app(options: Options) -> web.Application:
    """Return the server's application."""
    app = web.Application(middlewares=[count_and_refuse], client_max_size=LARGEST_BODY)
    app[STATE] = State(options)
    app.add_routes(
        [
            web.post("/v1/chat/completions", chat.chat_completions),
            web.post("/v1/files", batches.create_file),
            web.get("/v1/files/{file_id}/content", batches.read_content),
            web.post("/v1/batches", batches.create_batch),
            web.get("/v1/batches", batches.list_batches),
            web.get("/v1/batches/{batch_id}", batches.read_batch),
            web.get("/stats", read_stats),
            web.post("/reset", reset),
        ]
    )
    return app


async def serve(options: Options) -> None:
    """Serve for ever; print the URL once it can be used."""
    runner = web.AppRunner(make_app(options), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port, backlog=2048)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}/v1", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Read the command line and serve."""
    options = parse_arguments()
    if options.until_stdin_closes:
        threading.Thread(target=_exit_with_stdin, daemon=True).start()
    asyncio.run(serve(options))


def _exit_with_stdin() -> None:
    """End the process once nobody holds the other end of standard input any more."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
