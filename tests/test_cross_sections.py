"""What persons claim becomes queries that the rest of their résumés answers."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from cvseeker.core.datasets import RetrievalDataset, read_dataset, write_dataset
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.core.records import SPLITS
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.queries import generate_stage, judge_stage
from cvseeker.resumes import ingest_stage
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
        f"SKILLS\n{one}, {other}, team work, of boats, call me on +47 22 33 44 55",
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
    for unfit in ("works hard", "Team player", "team work", "of boats", "Voss", "Tove", "+47"):
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


def test_pairs_of_a_file_lie_beside_its_queries(tmp_path: Path) -> None:
    whole = RetrievalDataset(CORPUS, {}, {}, person_groups=GROUPS)
    write_dataset(whole, tmp_path / "corpus")
    made = dataset()
    folder = generate_stage(tmp_path / "corpus", Settings(), out=tmp_path / "queries").folder
    assert read_dataset(tmp_path / "queries").corpus == CORPUS
    assert folder is not None
    assert read_dataset(folder / "sections") == made
    generate_stage(tmp_path / "corpus", Settings(), out=tmp_path / "queries.json")
    assert read_dataset(tmp_path / "queries.sections.json").queries == made.queries


def test_a_workspace_has_the_pairs_of_each_split_and_judges_its_queries_as_before(
    tmp_path: Path, tiny_model: Path
) -> None:
    for name in TRADES:
        text = "\n\n".join(resume(name))
        (tmp_path / "cvs").mkdir(exist_ok=True)
        (tmp_path / "cvs" / f"{name}.txt").write_text(text, encoding="utf-8")
    settings = Settings.validated({"finetune": {"base": str(tiny_model)}})
    workspace = Workspace(tmp_path / "w")
    ingest_stage(workspace, [tmp_path / "cvs"], settings)
    counts = generate_stage(workspace, settings).counts["sections"]
    sections = workspace.stage_folder("queries") / "sections"
    parts = {split: read_dataset(sections / "beir" / split, split=split) for split in SPLITS}
    assert {split: len(part.queries) for split, part in parts.items()} == {
        split: counts[split]["queries"] for split in SPLITS
    }
    assert (
        counts["queries"]
        == sum(counts["kinds"].values())
        == sum(len(part.queries) for part in parts.values())
    )
    persons = [set(part.person_groups.values()) for part in parts.values()]
    assert len(set.union(*persons)) == sum(map(len, persons)) == len(TRADES)
    judge_stage(workspace, settings)


def test_past_searches_say_how_many_of_each_kind_are_kept(tmp_path: Path) -> None:
    write_dataset(RetrievalDataset(CORPUS, {}, {}, person_groups=GROUPS), tmp_path / "corpus")
    past = tmp_path / "past.txt"
    past.write_text("welder rigs\nbaker lamination Bergen\nsurveyor of tunnels\n", encoding="utf-8")
    settings = Settings.validated({"generate": {"like": past}})
    counts = generate_stage(tmp_path / "corpus", settings, out=tmp_path / "queries").counts
    made = [read_dataset(tmp_path / "queries"), read_dataset(tmp_path / "queries" / "sections")]
    assert counts["like"]["searches"] == 3
    assert sum(counts["like"]["kept"].values()) == sum(len(one.queries) for one in made)
    assert counts["queries"] == len(made[0].queries)
    past.write_text("somebody else\n", encoding="utf-8")
    assert not generate_stage(tmp_path / "corpus", settings, out=tmp_path / "queries").skipped
