"""The fake LLM server, asked by the real OpenAI client."""

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
from hypothesis import given
from hypothesis import strategies as st

from fake_llm.faults import draw_fault
from fake_llm.options import FAULTS, Options
from fake_llm.process import FakeServer, running_server
from fake_llm.writing import write_queries

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
GRADE = {"type": "object", "properties": {"grade": {"type": "integer", "enum": [0, 1, 2, 3]}}}
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


def _content(server: FakeServer, text: str = PASSAGE, **options: Any) -> str:
    content: str = _chat(server, text, **options).choices[0].message.content
    return content


# Replies


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


def test_the_schema_may_stand_in_the_text_instead(server: FakeServer) -> None:
    from_format = _content(server)
    body = _body()
    body["messages"][0]["content"] += f" Answer with JSON of this schema:\n{json.dumps(SCHEMA)}"
    for wanted in ({"type": "json_object"}, {"type": "text"}):
        assert _content(server, **{**body, "response_format": wanted}) == from_format


def test_grades_follow_the_shared_words(server: FakeServer) -> None:
    grades = []
    for query in ("chocolate tempering pastry", "chocolate hotel Kafka cluster", "Kafka cluster"):
        text = f"<query>{query}</query>\n<passage>{PASSAGE}</passage>"
        messages = [{"role": "user", "content": text}]
        content = _content(server, messages=messages, response_format=_format("grade", GRADE))
        grades.append(json.loads(content)["grade"])
    assert grades == [3, 2, 0]


@given(st.text(max_size=400) | st.text("abcd .\n", min_size=200, max_size=900))
def test_queries_are_short_distinct_and_no_copies(passage: str) -> None:
    texts = write_queries(passage, KINDS * 2)
    assert texts == write_queries(passage, KINDS * 2)
    assert len(set(texts)) == len(texts)
    words = " ".join(re.findall(r"\w+", passage.lower()))
    for text in texts:
        assert 4 <= len(text.split()) <= 14 * 3
        run = re.findall(r"\w+", text.lower())
        copied = [" ".join(run[n : n + 5]) for n in range(len(run) - 4)]
        assert not [part for part in copied if f" {part} " in f" {words} "]


def test_unknown_models_are_not_found(server: FakeServer) -> None:
    server.reset(models=["small", "large"])
    with _client(server) as client:
        assert client.chat.completions.create(**_body(model="small")).model == "small"
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(**_body(model="huge"))
        assert caught.value.code == "model_not_found"


# Rules


def test_another_key_is_turned_away(server: FakeServer) -> None:
    server.reset(api_key=KEY)
    _chat(server)
    with _client(server, key="sk-wrong") as client, pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(**_body())
    stats = server.stats()
    assert (stats["requests"], stats["delivered"]) == (2, 1)
    assert stats["refused"] == {"invalid_api_key": 1}


@pytest.mark.parametrize(
    ("options", "asked", "status", "part", "code"),
    [
        ({"json_schema": False}, {}, 400, "'response_format' of type 'json_schema'", None),
        (
            {"json_object": False},
            {"response_format": {"type": "json_object"}},
            400,
            "'response_format' of type 'json_object'",
            None,
        ),
        (
            {"reject_params": "temperature,max_tokens"},
            {"max_tokens": 9},
            400,
            "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            "unsupported_parameter",
        ),
        ({"quota": 0}, {}, 429, "exceeded your current quota", "insufficient_quota"),
        ({}, {"messages": []}, 400, "'messages'", None),
        ({}, {"stream": True}, 400, "stream", None),
    ],
)
def test_what_is_refused_says_why(
    server: FakeServer,
    options: dict[str, Any],
    asked: dict[str, Any],
    status: int,
    part: str,
    code: str | None,
) -> None:
    server.reset(**options)
    with pytest.raises(openai.APIStatusError, match=re.escape(part)) as caught:
        _chat(server, **asked)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert server.stats()["delivered"] == 0


def test_the_quota_counts_successes(server: FakeServer) -> None:
    server.reset(quota=2)
    _chat(server, "one")
    _chat(server, "two")
    with pytest.raises(openai.RateLimitError):
        _chat(server, "three")


@pytest.mark.parametrize("retry_after", [True, False])
def test_more_than_the_rate_is_too_much(server: FakeServer, retry_after: bool) -> None:
    server.reset(rate=0.1, retry_after=retry_after)
    waits = []
    for number in range(3):
        try:
            _chat(server, f"passage {number}")
        except openai.RateLimitError as error:
            waits.append(error.response.headers.get("retry-after"))
    assert server.stats()["refused"] == {"rate_limit_exceeded": 2}
    if retry_after:
        assert 10 >= float(waits[0]) > float(waits[1]) > 0
    else:
        assert waits == [None, None]


def test_a_wrong_address_is_answered_like_an_error(server: FakeServer) -> None:
    with _client(server) as client, pytest.raises(openai.NotFoundError, match="Invalid URL"):
        client.post("/chat/nonsense", cast_to=object)


# Faults


def _fate(server: FakeServer, fault: str) -> tuple[Any, dict[str, Any]]:
    """Return what a client sees of a fault, and the server's counts."""
    server.reset(fault_rate=1, faults=fault, stall=0.2)
    try:
        outcome = _chat(server)
    except openai.APIError as error:
        outcome = error
    return outcome, server.stats()


@pytest.mark.parametrize(
    ("fault", "kind", "retry_after"),
    [
        ("rate_limit", openai.RateLimitError, "0.2"),
        ("rate_limit_silent", openai.RateLimitError, None),
        ("server_error", openai.InternalServerError, None),
        ("reset", openai.APIConnectionError, None),
        ("stall", openai.APIConnectionError, None),
    ],
)
def test_faults_of_the_transport(
    server: FakeServer, fault: str, kind: type, retry_after: str | None
) -> None:
    error, stats = _fate(server, fault)
    assert type(error) is kind
    if isinstance(error, openai.APIStatusError):
        assert error.response.headers.get("retry-after") == retry_after
    assert stats["faults"] == {fault: 1}
    assert (stats["delivered"], stats["billed"]["requests"]) == (0, 0)


@pytest.mark.parametrize("fault", FAULTS[FAULTS.index("empty") :])
def test_faults_of_the_content(server: FakeServer, fault: str) -> None:
    good = _content(server)
    completion, stats = _fate(server, fault)
    choice = completion.choices[0]
    content = choice.message.content
    usable = {
        "fences": f"```json\n{good}\n```",
        "prose": f"Sure! Here is what you asked for:\n\n{good}\n\nLet me know if you need more.",
        "duplicate_id": good,
    }
    assert stats["faults"] == {fault: 1}
    assert stats["delivered"] == (fault in usable)
    assert stats["billed"]["requests"] == 1
    assert (choice.finish_reason == "length") == (fault == "truncated_json")
    assert bool(choice.message.refusal) == (fault == "refusal") == (content is None)
    if fault in usable:
        assert content == usable[fault]
    elif fault == "empty":
        assert content == ""
    elif fault == "wrong_language":
        texts = [text for (text,) in json.loads(content).values()]
        assert len(texts) == 5
        assert all(" seit " in text for text in texts)
    elif content is not None:
        with pytest.raises(ValueError, match=r"delimiter|Unterminated|value"):
            json.loads(content)


def test_an_id_comes_twice(server: FakeServer) -> None:
    server.reset(fault_rate=1, faults="duplicate_id")
    assert _chat(server, "one").id == _chat(server, "two").id


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


# Counts


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


def test_a_client_that_leaves_while_sending_makes_no_noise(capfd: Any) -> None:
    with running_server() as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
        connection.putrequest("POST", "/v1/chat/completions")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"{")
        deadline = time.monotonic() + 5
        while not server.stats()["in_flight"] and time.monotonic() < deadline:
            time.sleep(0.02)
        connection.close()
        while not (stats := server.stats())["refused"] and time.monotonic() < deadline:
            time.sleep(0.02)
    assert (stats["refused"], stats["attempts"], stats["in_flight"]) == ({"hung_up": 1}, 0, 0)
    assert capfd.readouterr().err == ""


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


# Batches


def _lines(count: int) -> bytes:
    rows = [
        {
            "custom_id": f"id-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": _body(f"{PASSAGE} {number}"),
        }
        for number in range(count)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _run_batch(client: openai.OpenAI, content: bytes) -> Any:
    file = client.files.create(file=("input.jsonl", content), purpose="batch")
    assert file.bytes == len(content)
    batch = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"workspace": "w1"},
    )
    assert batch.status == "validating"
    deadline = time.monotonic() + 20
    while batch.status in ("validating", "in_progress", "finalizing"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
        batch = client.batches.retrieve(batch.id)
    return batch


def _read_lines(client: openai.OpenAI, file_id: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


def test_a_batch_gives_what_single_requests_give(server: FakeServer) -> None:
    with _client(server) as client:
        batch = _run_batch(client, _lines(20))
        assert (batch.status, batch.error_file_id) == ("completed", None)
        assert (batch.request_counts.completed, batch.request_counts.total) == (20, 20)
        rows = _read_lines(client, batch.output_file_id)
        ids = [row["custom_id"] for row in rows]
        assert sorted(ids) == sorted(f"id-{number}" for number in range(20))
        assert ids != [f"id-{number}" for number in range(20)]
        for row in rows:
            text = f"{PASSAGE} {row['custom_id'].removeprefix('id-')}"
            content = row["response"]["body"]["choices"][0]["message"]["content"]
            assert content == _content(server, text)
        listed = client.batches.list()
        assert [(found.id, found.metadata) for found in listed] == [(batch.id, {"workspace": "w1"})]
    stats = server.stats()
    # Asked for twice: by the batch, and by this test.
    assert (stats["delivered"], stats["repeated"]) == (40, 20)


def test_a_batch_has_faults_line_by_line(server: FakeServer) -> None:
    server.reset(batch_seconds=0, fault_rate=0.6, seed=2)
    with _client(server) as client:
        batch = _run_batch(client, _lines(200))
        good = Counter(row["custom_id"] for row in _read_lines(client, batch.output_file_id))
        bad = _read_lines(client, batch.error_file_id)
    faults = server.stats()["faults"]
    assert {row["response"]["status_code"] for row in bad} == {429, 500}
    errors = faults["rate_limit"] + faults["rate_limit_silent"] + faults["server_error"]
    assert len(bad) == errors
    assert list(good.values()).count(2) == faults["duplicate_id"]
    assert 200 - len(good) - errors == faults["reset"] + faults["stall"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"{nonsense\n", "invalid_json_line"),
        (_lines(1) * 2, "duplicate_custom_id"),
        (_lines(1).replace(b"/v1/chat", b"/v2/chat"), "invalid_url"),
    ],
)
def test_a_poor_input_file_fails_the_batch(server: FakeServer, content: bytes, code: str) -> None:
    with _client(server) as client:
        batch = _run_batch(client, content)
    assert batch.status == "failed"
    assert [problem.code for problem in batch.errors.data] == [code]


# The process


def test_the_server_ends_with_its_block() -> None:
    with running_server() as server:
        process = server.process
        assert process.poll() is None
    assert process.poll() is not None


def test_a_wrong_option_is_noticed(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="ended with 2"), running_server(faults="nonsense"):
        pass
    assert "no such fault: nonsense" in capfd.readouterr().err


@pytest.mark.parametrize("options", [{"faults": "nonsense"}, {"nonsense": 1}])
def test_a_running_server_takes_known_options_only(
    server: FakeServer, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        server.reset(**options)
