"""Which attempt gets which fault, and what a fault does to a good reply."""

import hashlib
import json
import random
from typing import Any

from fake_llm.options import Options, split_list
from fake_llm.replies import Reply
from fake_llm.writing import german_text

TRANSPORT_FAULTS = ("rate_limit", "rate_limit_silent", "server_error", "reset", "stall")
# The reply is there, one only has to look: it counts as delivered.
USABLE_FAULTS = ("fences", "prose", "duplicate_id")


def content_key(*parts: Any) -> str:
    """Return 16 hexadecimal digits that stand for a request's content."""
    encoded = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(encoded.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def draw_fault(key: str, attempt: int, *, options: Options) -> str:
    """Return the fault of a content's n-th attempt, empty for none."""
    if not options.fault_rate:
        return ""
    draw = random.Random(f"{options.seed} {key} {attempt}")
    return draw.choice(split_list(options.faults)) if draw.random() < options.fault_rate else ""


def spoil(reply: Reply, fault: str, key: str) -> Reply:
    """Return the reply as a fault of the content leaves it."""
    content = reply.content or ""
    if fault == "refusal":
        return Reply(None, refusal="I'm sorry, but I can't help with that request.")
    if fault == "truncated_json":
        return Reply(content[: len(content) * 6 // 10], finish_reason="length")
    if fault == "wrong_language":
        return Reply(_in_german(content, random.Random(key)))
    spoiled = {
        "empty": "",
        "invalid_json": content.replace(":", " =", 1),
        "fences": f"```json\n{content}\n```",
        "prose": f"Sure! Here is what you asked for:\n\n{content}\n\nLet me know if you need more.",
    }
    return Reply(spoiled.get(fault, content))


def _in_german(content: str, rng: random.Random) -> str:
    """Return the reply with its texts in German."""
    return json.dumps(_translate(json.loads(content), rng), ensure_ascii=False)


def _translate(value: Any, rng: random.Random) -> Any:
    """Return a copy whose texts and numbers are German texts."""
    if isinstance(value, dict):
        return {name: _translate(item, rng) for name, item in value.items()}
    if isinstance(value, list):
        return [_translate(item, rng) for item in value]
    return german_text(rng) if isinstance(value, str) else f"Stufe {value}"
