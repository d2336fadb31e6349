"""What persons claim becomes queries that the rest of their résumés answers."""

from collections import Counter
from collections.abc import Mapping

import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.retrieval.cross_sections import cross_section_dataset, query_overlap

TRADES = {
    "mira": ("welder", "orbital welding", "ultrasonic testing", "duplex manifolds on rigs"),
    "tove": ("midwife", "breech births", "water births", "a ward with sixteen beds and a pool"),
    "ravi": (
        "baker",
        "sourdough loaves",
        "butter lamination",
        "three stone ovens by the station",
    ),
    "inga": ("surveyor", "laser scanning", "cadastral law", "tunnels under the old harbour"),
}


def resume(name: str) -> tuple[str, str]:
    title, one, other, work = TRADES[name]
    head = f"{name.title()} Voss\n{title.title()} | Oslo, Norway | {name}@example.com"
    return (
        f"{head}\n\nSUMMARY\nSeasoned {title} who likes {one} and {other} best. "
        f"{name.title()} works hard and late. "
        "Team player with good communication.\n\n"
        f"SKILLS\n{one}, {other}, team work, call me on +47 22 33 44 55",
        "EXPERIENCE\nFjord Yards, 2015 - present\nLooked after " + f"{work} for many years. " * 8,
    )


CORPUS = {f"{name}:{part}": text for name in TRADES for part, text in enumerate(resume(name))}
GROUPS = {key: key.split(":")[0] for key in CORPUS}


def dataset(dropped: Counter[str] | None = None, **settings: object) -> RetrievalDataset:
    chosen = GenerateSettings.validated(settings)
    return cross_section_dataset(CORPUS, GROUPS, settings=chosen, dropped=dropped)


def test_a_person_is_one_document_without_what_was_claimed() -> None:
    made = dataset()
    made.check()
    assert list(made.corpus) == ["mira:0", "tove:0", "ravi:0", "inga:0"]
    assert made.person_groups == {key: key.split(":")[0] for key in made.corpus}
    for query_id, text in made.queries.items():
        (document,) = made.qrels[query_id]
        assert text not in made.corpus[document]
        assert TRADES[document.split(":")[0]][3] in made.corpus[document]


def test_anchors_hold_no_names_no_contacts_and_nothing_that_fits_everybody() -> None:
    dropped: Counter[str] = Counter()
    texts = " ".join(dataset(dropped).queries.values())
    assert "Seasoned midwife who likes breech births and water births best" in texts
    for unfit in ("works hard", "Team player", "Voss", "Tove", "+47"):
        assert unfit not in texts
    assert dropped["name or contact"] >= 4
    assert dropped["says little"] >= 4


def test_an_anchor_that_another_person_answers_as_well_is_dropped() -> None:
    same = "SKILLS\nfalconry, taxidermy\n\nEXPERIENCE\n"
    other = {"olga:0": same + CORPUS["ravi:1"], "olaf:0": same + CORPUS["tove:1"]}
    dropped: Counter[str] = Counter()
    corpus = {**CORPUS, **other}
    made = cross_section_dataset(corpus, GROUPS, settings=GenerateSettings(), dropped=dropped)
    assert not other.keys() & made.corpus.keys()
    assert dropped["fits others"] >= 2


def test_an_anchor_that_shares_most_words_with_its_evidence_is_dropped() -> None:
    corpus: Mapping[str, str] = {
        **CORPUS,
        "echo:0": "SUMMARY\nGrafts apple trees in winter. Knows fungi of quinces, figs and medlars."
        "\n\nEXPERIENCE\n" + "Grafts apple trees all winter in the orchard of the abbey. " * 6,
    }
    dropped: Counter[str] = Counter()
    made = cross_section_dataset(corpus, GROUPS, settings=GenerateSettings(), dropped=dropped)
    of_echo = [made.queries[key] for key, grades in made.qrels.items() if "echo:0" in grades]
    assert of_echo == ["Knows fungi of quinces, figs and medlars"]
    assert dropped["shares most words"] == 1


@pytest.mark.parametrize("kind", ["summary", "skills", "title_skills"])
def test_each_kind_can_be_had_alone(kind: str) -> None:
    assert set(dataset(sections=kind).kinds.values()) == {kind}


def test_a_person_gives_so_many_anchors_at_most_of_several_kinds() -> None:
    made = dataset(per_person=2)
    counts = Counter(next(iter(grades)) for grades in made.qrels.values())
    assert set(counts.values()) == {2}
    assert len(set(made.kinds.values())) > 1


def test_the_same_data_give_the_same_anchors_and_another_seed_others() -> None:
    assert dataset() == dataset()
    assert dataset(seed=1).queries != dataset(seed=2).queries


def test_overlap_is_the_share_of_a_querys_words_that_its_best_passage_has() -> None:
    judged = RetrievalDataset(
        {"a": "Welds pipes in Oslo", "b": "Welds pipes"},
        {"one": "welding of pipes in Bergen", "two": "the of", "three": "Oslo"},
        {"one": {"a": 1, "b": 1}, "two": {"a": 1}, "three": {"a": 0, "b": 1}},
    )
    assert query_overlap(judged) == [pytest.approx(2 / 3), 0.0]
