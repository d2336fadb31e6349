"""Questions in a reply that is not the JSON asked for."""

import json
import re

_MARK = re.compile(r"(?:\d{1,2}[.)]|[-*•]|Q(?:uestion)?\s?\d{1,2}\s?[.):])\s+", re.IGNORECASE)
_QUESTION_MARKS = ("?", "？", "؟")


def read_questions(text: str, *, wanted: int) -> list[str]:
    r"""Read the questions of a plain reply, without guessing; none where it holds broken JSON.

    Lines that begin with a number or a bullet are the questions; where none does, those that end
    in a question mark; where none does, all lines if they are as many as were ``wanted``.
    A question's own digits stay.

    Examples
    --------
    >>> read_questions("Here they are:\n1. 5 years of what?\n2) C# or Java?", wanted=2)
    ['5 years of what?', 'C# or Java?']
    """
    if "{" in text or "```" in text:
        return []
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line[mark.end() :].strip() for line in lines if (mark := _MARK.match(line))]
    asked = [line for line in lines if line.endswith(_QUESTION_MARKS)]
    if marked or asked:
        return marked or asked
    return lines if len(lines) == wanted else []


def reply_of(questions: list[str]) -> str:
    """Return the JSON reply that holds these questions."""
    return json.dumps({"questions": questions})
