"""Names by group, and résumés without any."""

from pathlib import Path

import pytest

from cvseeker.core.errors import InputError
from cvseeker.evaluate.audit.names import give_name, mask_name, read_names, strip_identity

GROUPS = """
source = "Invented for a test"
surname = "Zindel"
[groups.north]
label = "North"
names = ["Ottar", "Sigrun", "Torvald"]
[groups.south]
label = "South"
names = ["Livia", "Renzo"]
"""


def test_the_bundled_lists_are_four_groups_of_nine_with_their_source() -> None:
    lists = read_names()
    assert [len(group.names) for group in lists.groups.values()] == [9, 9, 9, 9]
    assert "Bertrand" in lists.source
    assert len(set(lists.full_names)) == 36
    assert lists.group_of_name.count("black_female") == 9


def test_names_of_ones_own_and_as_many_as_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "names.toml"
    path.write_text(GROUPS, encoding="utf-8")
    lists = read_names(path, names_per_group=2)
    assert lists.full_names == ["Ottar Zindel", "Sigrun Zindel", "Livia Zindel", "Renzo Zindel"]
    assert lists.group_of_name == ["north", "north", "south", "south"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('source = "Invented for a test"', "", "source"),
        ('["Livia", "Renzo"]', '["Livia"]', "groups.south.names"),
        ('["Livia", "Renzo"]', '["Livia", "Ottar"]', "'Ottar Zindel' stands there twice"),
        ('["Livia", "Renzo"]', '["Livia", "12"]', "not read as a person's name"),
        ("[groups.south]", "[groups.south", "not TOML"),
    ],
)
def test_lists_that_cannot_be_used_are_refused_in_one_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "names.toml"
    path.write_text(GROUPS.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_names(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml"):
        read_names(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("Jan Vos\njan.vos@vos.example", "[NAME]\n[EMAIL]"),
        ("Ms. Jan Vos leads; she set up HER records herself", "[NAME] leads; they set up HER "
         "records themself"),
        ("Jan Vos (Vos) cooks. His dishes", "[NAME] cooks. Their dishes"),
        ("MS in Chemistry", "MS in Chemistry"),
    ],
)  # fmt: skip
def test_what_says_who_somebody_is_goes(text: str, stripped: str) -> None:
    assert strip_identity(text, name="Jan Vos") == stripped


def test_a_name_that_was_given_is_masked_again() -> None:
    stripped = strip_identity("Jan Vos (Vos), CFA\nMr. Vos led 12 cooks.", name="Jan Vos")
    for name in read_names().full_names:
        assert mask_name(give_name(stripped, name), name) == stripped
