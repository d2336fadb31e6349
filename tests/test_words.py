"""The word lists beside the code, and how they are read."""

from collections import Counter
from pathlib import Path

import pytest

import cvseeker
from cvseeker.core.wordlists import read_lines, read_pairs, read_words

PACKAGE = Path(cvseeker.__file__).parent
LISTS = sorted(PACKAGE.rglob("words/*.txt"))


def package_of(path: Path) -> str:
    return ".".join(path.parents[1].relative_to(PACKAGE.parent).parts)


def test_a_list_has_its_order_a_set_its_words_and_a_table_its_columns() -> None:
    assert read_lines("cvseeker.queries.offline", "title_paraphrases")[:2] == (
        "sr. > senior",
        "sr > senior",
    )
    assert "new zealand" in read_words("cvseeker.core", "places")
    titles = read_pairs("cvseeker.core", "job_titles")
    assert (titles["nurse"], titles["model"], titles["evangelist"]) == ("", "profile", "query")


@pytest.mark.parametrize("path", LISTS, ids=[path.stem for path in LISTS])
def test_every_list_says_what_it_is_and_says_a_thing_once(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    entries = read_lines(package_of(path), path.stem)
    assert [entry for entry in entries if entry != entry.strip()] == []
    keyed = entries if path.stem.endswith("templates") else [one.split("\t")[0] for one in entries]
    assert [entry for entry, count in Counter(keyed).items() if count > 1] == []
