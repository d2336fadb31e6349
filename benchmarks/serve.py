"""Fifty people who search through the API at once: no error, and how long they wait.

``cvseeker serve -w DIR``, then ``python benchmarks/serve.py http://127.0.0.1:8000``.
"""

import argparse
import asyncio
import json
import os
import random
import time
from collections import Counter

import httpx
import numpy as np

from cvseeker.core.datasets import read_judgements
from cvseeker.examples import demo_judgements


async def person(
    client: httpx.AsyncClient, queries: list[str], chance: random.Random, until: float, pause: float
) -> list[tuple[str, int, float]]:
    """Search, and look at one in three who were found, with a pause after each."""
    done = []

    async def ask(what: str, method: str, path: str, **more: object) -> httpx.Response:
        began = time.perf_counter()
        answer = await client.request(method, path, **more)  # type: ignore[arg-type]
        done.append((what, answer.status_code, time.perf_counter() - began))
        return answer

    await asyncio.sleep(chance.random() * pause)
    while time.monotonic() < until:
        answer = await ask("search", "POST", "/api/search", json={"query": chance.choice(queries)})
        hits = answer.json().get("hits", []) if answer.status_code == 200 else []
        if hits and chance.random() < 1 / 3:
            await ask("view", "GET", f"/api/candidates/{chance.choice(hits)['number']}")
        await asyncio.sleep(chance.uniform(0.5, 1.5) * pause)
    return done


async def measure(address: str, *, users: int, seconds: float, pause: float) -> None:
    """Let them search for a while, and print what came of it."""
    queries = list(read_judgements(demo_judgements()).queries.values())
    limits = httpx.Limits(max_connections=users)
    until = time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
        people = (
            person(client, queries, random.Random(seed), until, pause) for seed in range(users)
        )
        done = [one for rows in await asyncio.gather(*people) for one in rows]
    for what in ("search", "view"):
        times = np.array([taken for kind, _, taken in done if kind == what])
        p50, p95, p99 = (
            np.percentile(times, (50, 95, 99)).round(3).tolist() if len(times) else [0] * 3
        )
        statuses = Counter(status for kind, status, _ in done if kind == what)
        print(json.dumps({"what": what, "p50": p50, "p95": p95, "p99": p99, "statuses": statuses}))
    print(json.dumps({"users": users, "pause": pause, "load": os.getloadavg()[0]}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=5, help="Seconds that a person reads.")
    given = parser.parse_args()
    asyncio.run(measure(given.address, users=given.users, seconds=given.seconds, pause=given.pause))
