from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.core.overlap import exact_duplicates, word_ngrams
from cvseeker.resumes.persons import (
    Groups,
    group_texts,
    join_overlapping,
    person_groups,
)


def words(prefix: str, count: int) -> str:
    return " ".join(f"{prefix}{number}" for number in range(count))


def test_finds_exact_duplicates() -> None:
    texts = {"a": "Led a team, of five.", "b": "led a TEAM\nof five", "c": "Led a team of six"}
    assert exact_duplicates(texts) == {"b": "a"}


def test_texts_without_words_are_compared_as_they_are() -> None:
    assert exact_duplicates({"a": "...", "b": "!!!", "c": "..."}) == {"c": "a"}


def test_groups_versions_of_a_resume() -> None:
    first = words("w", 100)
    texts = {"new": first + " " + words("x", 20), "old": first, "other": words("z", 100)}
    assert person_groups(texts, similarity=0.5) == {"new": "new", "old": "new", "other": "other"}


def test_groups_a_part_with_its_whole() -> None:
    whole = words("w", 400)
    texts = {"whole": whole, "part": " ".join(whole.split()[100:150]), "rival": words("r", 100)}
    groups = person_groups(texts, similarity=0.5)
    assert groups["whole"] == groups["part"] == "part"
    assert groups["rival"] == "rival"


def test_a_little_in_common_makes_no_group() -> None:
    shared = words("s", 30)
    texts = {"a": shared + " " + words("a", 100), "b": shared + " " + words("b", 100)}
    assert len(set(person_groups(texts, similarity=0.5).values())) == 2


def test_boilerplate_makes_no_group() -> None:
    shared = words("s", 30)
    texts = {str(n): shared + " " + words(f"p{n}x", 25) for n in range(30)}
    assert len(set(person_groups(texts, similarity=0.5).values())) == 30


def test_an_email_address_makes_a_group() -> None:
    texts = {
        "a": "Ann Example ann@example.com " + words("a", 60),
        "b": "A. Example ANN@example.com " + words("b", 60),
        "c": "Bob Example bob@example.com " + words("c", 60),
    }
    assert person_groups(texts, similarity=0.5) == {"a": "a", "b": "a", "c": "c"}


def test_a_telephone_number_alone_makes_no_group() -> None:
    texts = {
        "a": "Ann Example +1 206 555 0142 " + words("a", 60),
        "b": "Ann Example 1-206-555-0142 " + words("b", 60),
        "c": "Bob Example 1-206-555-0142 " + words("c", 60),
    }
    assert person_groups(texts, similarity=0.5) == {"a": "a", "b": "a", "c": "c"}


def test_a_placeholder_address_of_many_makes_no_group() -> None:
    texts = {f"{n:02}": f"jobs@example.com {words(f'p{n}x', 40)}" for n in range(8)}
    assert len(set(person_groups(texts, similarity=0.5).values())) == 8


FILLER = "\n".join(
    f"Likes figures and machines, reason {{}} number {number}." for number in range(12)
)


def version(name: str, contact: str, word: str) -> str:
    """Return a résumé whose contacts stand far from its beginning."""
    profile = FILLER.format(*[word] * 12)
    return f"{name}\n\nPROFILE\n{profile}\n\nCONTACT\n{contact}\n\n{words(word, 60)}"


def test_contacts_far_down_make_a_group_and_the_reason_is_kept() -> None:
    texts = {
        "en": version("Mira Voss", "mira.voss@example.com\n+49 151 12345678", "eins"),
        "de": version("Mira Voss", "0151/12345678", "zwei"),
        "fr": version("VOSS, Mira", "Courriel : mira.voss (at) example.com", "drei"),
        "no": version("Olaf Berg", "olaf.berg@example.com\n+49 151 99999678", "vier"),
    }
    groups = Groups(texts)
    group_texts(texts, groups, similarity=0.9)
    assert groups.ids() == {"en": "de", "de": "de", "fr": "de", "no": "no"}
    assert groups.reasons()["en"] == {
        "fr": "the same e-mail address",
        "de": "the same telephone number",
    }


def test_what_people_of_different_names_share_joins_only_namesakes() -> None:
    agency = "talents@agency.example\n+44 20 7946 0958\nanna.agent@agency.example"
    names = [
        "Mira Voss",
        "Olaf Berg",
        "Tove Lind",
        "Hana Sato",
        "Ines Prado",
        "Jo Poe",
        "Mira Voss",
    ]
    texts = {f"{n}": version(name, agency, f"w{n}") for n, name in enumerate(names)}
    groups = person_groups(texts, similarity=0.9)
    assert groups.pop("6") == "0"
    assert all(key == group for key, group in groups.items())


def test_a_role_s_address_joins_nobody() -> None:
    texts = {n: f"{words(n, 80)}\ninfo@example.com" for n in "ab"}
    assert len(set(person_groups(texts, similarity=0.9).values())) == 2


def test_ngrams_are_the_same_everywhere() -> None:
    assert word_ngrams("A b, c!", 2) == word_ngrams("a B c", 2)
    assert len(word_ngrams("a b c", 2)) == 2
    assert word_ngrams("a b", 8) == set()
    # A literal: hashes must not depend on the process.
    assert word_ngrams("a b", 2) == {12957426464257998712}


def test_overlapping_groups_are_joined_until_none_overlaps() -> None:
    shared = words("s", 60)
    texts = {str(n): shared + " " + words(f"p{n}x", 20) for n in range(30)}
    groups = Groups(texts)
    join_overlapping(texts.items(), groups, share=0.5)
    ids = groups.ids()
    grams = {key: word_ngrams(text, 8) for key, text in texts.items()}
    for key, own in grams.items():
        others = [grams[other] for other in texts if ids[other] != ids[key]]
        assert len(own & set().union(*others)) <= 0.5 * len(own)


sentences = st.lists(st.sampled_from([words(c, 12) for c in "abcdefgh"]), min_size=1, max_size=6)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), sentences, max_size=8))
@settings(max_examples=60, deadline=None)
def test_groups_depend_on_the_texts_and_not_on_their_order(parts: dict[str, list[str]]) -> None:
    texts = {key: " ".join(value) for key, value in parts.items()}
    backwards = dict(reversed(texts.items()))
    groups = person_groups(texts, similarity=0.5)
    assert groups == person_groups(backwards, similarity=0.5)
    assert list(groups) == list(texts)
    for group in groups.values():
        assert group == min(key for key, value in groups.items() if value == group)
