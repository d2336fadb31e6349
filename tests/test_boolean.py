"""Boolean queries: what they match, what is refused, and that they compute what they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.errors import InputError
from cvseeker.retrieval.boolean import SearchedText, parse_boolean

NURSE = SearchedText.from_text(
    "Registered nurse, intensive care unit. Ventilated patients, night shifts; Node.js as a hobby."
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("nurse", True),
        ("NURSES", True),
        ("midwife", False),
        ("nurse AND midwife", False),
        ("nurse OR midwife", True),
        ("midwife or nursing", True),
        ("nurse NOT midwife", True),
        ("nurse AND NOT patients", False),
        ("nurse midwife", False),
        ("nurse ventilation", True),
        ('"intensive care"', True),
        ('"care intensive"', False),
        ('nurse "INTENSIVE   Care"', True),
        ("“intensive care” AND nurse", True),
        ('"nights shift"', False),
        ('"node js"', True),
        ("(midwife OR nurse) AND (ICU OR ventilated)", True),
        ("midwife OR nurse AND ICU", False),
        ("midwife AND ICU OR nurse", True),
        ("(midwife OR nurse) NOT (night OR day)", False),
        ("nurse AND NOT NOT patients", True),
        ("care of the patients", True),
        ("of OR midwife", False),
        ("nurse && (unit || ward)", True),
    ],
)
def test_what_matches(query: str, expected: bool) -> None:
    assert parse_boolean(query)(NURSE) is expected


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "ends too early"),
        ("nurse AND", "ends too early"),
        ("OR nurse", "'OR' where a word was expected"),
        ("nurse AND OR midwife", "'OR' where a word was expected"),
        ("(nurse", "a bracket is not closed"),
        ("nurse)", "')' belongs to nothing"),
        ("()", "')' where a word was expected"),
        ('nurse AND "intensive', "'\"' where a word was expected"),
        ("NOT nurse", "asks for no word that must be there"),
        ("nurse OR NOT midwife", "asks for no word that must be there"),
        ("of the", "asks for no word that must be there"),
        ('""', "asks for no word that must be there"),
        ("(" * 5000 + "nurse" + ")" * 5000, "more than 50 brackets inside each other"),
    ],
)
def test_what_is_refused(query: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_boolean(query)
    assert problem in str(caught.value)
    assert "expected" in str(caught.value)
    assert "\n" not in str(caught.value)


WORDS = ("alpha", "bravo", "delta", "gamma")
# A query, and the same in Python.
LEAVES = st.sampled_from([(word, f"({word!r} in found)") for word in WORDS])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]} AND {p[1][0]})", _py("and", p))),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]} or {p[1][0]})", _py("or", p))),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}  {p[1][0]})", _py("and", p))),
        st.tuples(inner, inner, inner).map(
            lambda p: (f"({p[0][0]} OR {p[1][0]} AND {p[2][0]})", _chain(p))
        ),
        inner.map(lambda e: (f"(NOT {e[0]})", f"(not {e[1]})")),
    ),
    max_leaves=10,
)


def _py(operator: str, parts: tuple[tuple[str, str], ...]) -> str:
    return f"({parts[0][1]} {operator} {parts[1][1]})"


def _chain(parts: tuple[tuple[str, str], ...]) -> str:
    """Write ``a or b and c``, which Python reads by the same precedence."""
    return f"({parts[0][1]} or {parts[1][1]} and {parts[2][1]})"


@given(EXPRESSIONS, st.sets(st.sampled_from(WORDS)))
def test_a_query_computes_what_python_does(expression: tuple[str, str], found: set[str]) -> None:
    query, python = expression
    matches_nothing = eval(python, {"found": set[str]()})
    if matches_nothing:
        with pytest.raises(InputError):
            parse_boolean(query)
        return
    text = SearchedText.from_text(" ".join(sorted(found)))
    assert parse_boolean(query)(text) is eval(python, {"found": found})


@given(st.text(alphabet='ab ()"“AND OR NOT&|*+', max_size=60))
def test_any_text_is_read_or_refused(query: str) -> None:
    try:
        matches = parse_boolean(query)
    except InputError:
        return
    assert not matches(SearchedText.from_text(""))
