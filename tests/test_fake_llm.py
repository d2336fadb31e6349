"""The fake LLM server, asked by the real OpenAI client: what other tests count on it to count."""

import asyncio
import http.client
import json
import re
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from fake_llm.faults import draw_fault
from fake_llm.options import FAULTS, Options
from fake_llm.process import FakeServer

PASSAGE = (
    "Ana Prunk. Pastry chef in Ljubljana. Laminated dough, chocolate tempering and sugar work for "
    "a hotel of ninety rooms; trained four apprentices and kept the allergen register up to date."
)
KINDS = ["keywords", "boolean", "question", "title_skills", "job_description"]
ONE = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1}
SCHEMA = {
    "type": "object",
    "properties": dict.fromkeys(KINDS, ONE),
    "required": KINDS,
    "additionalProperties": False,
}
KEY = "sk-fictional-3141"


def _client(server: FakeServer, *, key: str = KEY) -> openai.OpenAI:
    # Without certificates to load, a client is made in no time.
    http_client = openai.DefaultHttpxClient(verify=False, timeout=10)
    return openai.OpenAI(base_url=server.url, api_key=key, max_retries=0, http_client=http_client)


def _format(name: str, schema: dict[str, Any]) -> Any:
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def _body(text: str = PASSAGE, **options: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "Write queries about what is in <passage></passage>."},
        {"role": "user", "content": f"<passage>\n{text}\n</passage>"},
    ]
    body = {"model": "m", "messages": messages, "response_format": _format("queries", SCHEMA)}
    return {**body, **options}


def _chat(server: FakeServer, text: str = PASSAGE, **options: Any) -> Any:
    with _client(server) as client:
        return client.chat.completions.create(**_body(text, **options))


def test_a_schema_is_filled_with_queries_about_the_passage(server: FakeServer) -> None:
    completion = _chat(server)
    queries = json.loads(completion.choices[0].message.content)
    assert list(queries) == KINDS
    words = set(re.findall(r"\w+", PASSAGE.lower()))
    for (text,) in queries.values():
        assert len(words & set(re.findall(r"\w+", text.lower()))) >= 3
        assert "Ana" not in text
    assert completion.choices[0].finish_reason == "stop"
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.completion_tokens == -(-len(completion.choices[0].message.content) // 4)


def test_the_seed_decides_about_faults_attempt_by_attempt() -> None:
    options = Options(seed=4, fault_rate=0.3)
    drawn = [draw_fault(f"{n:016x}", 1, options=options) for n in range(4000)]
    assert drawn == [draw_fault(f"{n:016x}", 1, options=options) for n in range(4000)]
    counts = Counter(filter(None, drawn))
    assert set(counts) == set(FAULTS)
    assert sum(counts.values()) == pytest.approx(1200, abs=90)
    again = [draw_fault(f"{n:016x}", 2, options=options) for n in range(4000)]
    both = sum(bool(first and second) for first, second in zip(drawn, again, strict=True))
    assert both == pytest.approx(360, abs=60)
    other = Options(seed=5, fault_rate=0.3)
    assert drawn != [draw_fault(f"{n:016x}", 1, options=other) for n in range(4000)]


def test_a_second_delivery_is_a_repetition(server: FakeServer) -> None:
    for text in ("one", "two", "one"):
        _chat(server, text)
    # A longer reply allowed: the same content all the same.
    _chat(server, "two", max_tokens=99)
    stats = server.stats()
    assert (stats["attempts"], stats["distinct"], stats["delivered"]) == (4, 2, 4)
    assert stats["repeated"] == 2
    assert [row["attempts"] for row in stats["by_key"].values()] == [2, 2]
    assert "by_key" not in server.stats(by_key=False)
    server.reset()
    assert server.stats()["attempts"] == 0


@pytest.mark.parametrize("count_abandoned", [False, True])
def test_a_client_that_left_gets_nothing(server: FakeServer, count_abandoned: bool) -> None:
    server.reset(latency=0.3, count_abandoned=count_abandoned)
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    connection.request("POST", "/v1/chat/completions", json.dumps(_body()))
    time.sleep(0.1)
    connection.close()
    deadline = time.monotonic() + 5
    while not (stats := server.stats())["abandoned"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert stats["abandoned"] == 1
    assert stats["delivered"] == stats["billed"]["requests"] == count_abandoned


def test_many_requests_are_answered_side_by_side(server: FakeServer) -> None:
    async def ask_all(url: str) -> float:
        async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
            begin = time.monotonic()
            bodies = [_body(f"{PASSAGE} {number}") for number in range(60)]
            replies = await asyncio.gather(
                *(client.chat.completions.create(**body) for body in bodies)
            )
            assert len({reply.id for reply in replies}) == 60
            return time.monotonic() - begin

    server.reset(latency=0.5)
    seconds = asyncio.run(ask_all(server.url))
    stats = server.stats()
    # One after the other, they would take half a minute.
    assert 0.5 <= seconds < 15
    assert stats["max_in_flight"] > 10
    assert (stats["delivered"], stats["repeated"]) == (60, 0)
    assert stats["successes_per_second"] >= 60 / seconds


@pytest.mark.parametrize("options", [{"faults": "nonsense"}, {"nonsense": 1}])
def test_a_running_server_takes_known_options_only(
    server: FakeServer, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        server.reset(**options)
