"""Requests to the fake LLM server, for the tests of what sends them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cvseeker.core.query_settings import GenerateSettings
from cvseeker.llm.account import Job, SendCounts, SendSettings
from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.request import ChatRequest, ChatTask, request_key
from cvseeker.llm.worker import send_all
from cvseeker.queries.prompts import query_task
from fake_llm.process import FakeServer

MODEL = "fake-llm"
KEY = "sk-fictional-2718281828"
KEY_ENV = "FICTIONAL_KEY"
TRADES = "welder nurse baker roofer tailor cooper glazier mason plumber ferrier".split()
TOWNS = "Ljubljana Tromsø Leiden Porto Gdansk Cork Lviv Basel Vilnius Turku".split()
# Trillionths of a dollar a token: 0.15, 0.075 and 0.60 USD a million.
PRICE = (150_000, 75_000, 600_000)


def query_task_of(per_passage: int = 2, **options: Any) -> ChatTask:
    settings = GenerateSettings(llm=MODEL, per_passage=per_passage)
    return query_task(settings, **{"max_tokens": None, "temperature": None, **options})


def passage_text(number: int) -> str:
    trade, town = TRADES[number % 10], TOWNS[number // 10 % 10]
    return f"{trade.title()} in {town}, workshop {number}, trained apprentices, kept stock ledgers."


def chat_requests(
    url: str, count: int, *, task: ChatTask | None = None, start: int = 0, prompt_tokens: int = 0
) -> list[ChatRequest]:
    task = task or query_task_of()
    requests = []
    for number in range(start, start + count):
        text = f"<passage>\n{passage_text(number)}\n</passage>"
        key = request_key(task, model=MODEL, url=url, text=text)
        requests.append(ChatRequest(key, f"p{number}", text, prompt_tokens))
    return requests


def send(
    server: FakeServer | str,
    ledger: Path,
    requests: Iterable[ChatRequest] | int = 3,
    *,
    task: ChatTask | None = None,
    model: str = MODEL,
    timeout_seconds: float = 20.0,
    **settings: Any,
) -> SendCounts:
    """Send requests as the command does; a number stands for so many short passages."""
    url = server if isinstance(server, str) else server.url
    task = task or query_task_of()
    if isinstance(requests, int):
        requests = chat_requests(url, requests, task=task)
    endpoint = Endpoint(model, url, KEY_ENV, timeout_seconds)
    return send_all(requests, Job(endpoint, task, SendSettings(**settings), ledger))
