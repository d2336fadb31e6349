"""Queries without an LLM: their kinds, their evidence, what they must never hold."""

import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.core.datasets import read_dataset
from cvseeker.core.insights import Profile
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.core.records import Query
from cvseeker.queries.offline.chunks import stem
from cvseeker.queries.offline.duties import read_duties
from cvseeker.queries.offline.evidence import read_evidence
from cvseeker.queries.offline.generate import generate_offline
from cvseeker.queries.offline.lexicon import STOP_WORDS
from cvseeker.queries.offline.mentions import title_case
from cvseeker.queries.offline.other_languages import other_language
from cvseeker.queries.offline.paraphrases import TERMS, TITLES
from cvseeker.queries.offline.rarity import CorpusStatistics
from cvseeker.queries.offline.verbs import LEMMAS, VERBS, verb_forms
from cvseeker.queries.offline.wording import (
    NEUTRAL_TEMPLATES,
    RESUME_TEMPLATES,
    fields,
    shuffle_drop,
    with_article,
)
from cvseeker.resumes import read_insights
from cvseeker.retrieval.lines import unwrap

RESUMES = Path(__file__).parents[1] / "src" / "cvseeker" / "examples" / "resumes"
DATA = Path(os.environ.get("CVSEEKER_DATA", Path(__file__).parents[2] / "shared" / "data"))
KINDS = {"keywords", "question", "title_skills", "responsibility", "requirements", "exam"}

NURSE = """Zdenka Quillfeather
zdenka.quillfeather@example.com | (555) 555-0142 | www.example.com/zdenka

Experience
Registered Nurse, Harbour Lights Hospital, 2015 - 2023
- Managed a team of 12 renal nurses on a 34-bed transplant ward.
- Zdenka Quillfeather developed the peritoneal dialysis teaching plan for new patients.
- Trained 40 ward assistants in infection control and central line care.

Skills: phlebotomy, telemetry, Epic, haemodialysis, triage
Education: Bachelor of Science in Nursing, Lakeside University, 2014

References
Barnaby Thistlewood, ward manager, (555) 555-0199"""
WELDER = """Experience
Pipe Welder, Northgate Shipyard Ltd, 2010 - 2024
- Welded the stainless steel pipework of two ferries to class approval.
- Repaired hydraulic cranes and inspected the gas manifolds of the paint hall.

Skills: TIG welding, orbital welding, blueprint reading, NDT
Certificates: Certified Welding Inspector"""
EMPTY = "Experience\nSkills: team player, hard working, communication skills, English"


def read_examples() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(RESUMES.glob("*.txt"))}


def generate(
    corpus: Mapping[str, str],
    profiles: Mapping[str, Profile] | None = None,
    **options: int,
) -> list[Query]:
    return generate_offline(corpus, profiles=profiles, settings=GenerateSettings(**options))


def group(queries: Sequence[Query]) -> dict[str, list[Query]]:
    groups = defaultdict(list)
    for query in queries:
        groups[query.passage_id].append(query)
    return groups


def content(text: str) -> set[str]:
    return {stem(word) for word in re.findall(r"[^\W_]+", text) if word.lower() not in STOP_WORDS}


def statistics_of(*texts: str) -> CorpusStatistics:
    statistics = CorpusStatistics()
    for text in texts:
        statistics.add(text)
    return statistics


@pytest.fixture(scope="module")
def example_queries() -> list[Query]:
    return generate(read_examples(), per_passage=12)


def test_every_example_gets_all_its_queries() -> None:
    corpus = read_examples()
    groups = group(generate(corpus, per_passage=6))
    assert {key: len(group) for key, group in groups.items()} == dict.fromkeys(corpus, 6)


def test_all_kinds_are_written_and_no_other(example_queries: list[Query]) -> None:
    counts = Counter(query.kind for query in example_queries)
    assert set(counts) == KINDS
    assert min(counts.values()) > len(example_queries) / 20


def test_queries_vary_in_length_from_two_words_to_two_sentences(
    example_queries: list[Query],
) -> None:
    lengths = [len(query.text.split()) for query in example_queries]
    assert min(lengths) <= 3
    assert max(lengths) >= 20
    assert any(". " in query.text for query in example_queries)


def test_ids_are_unique_and_do_not_change(example_queries: list[Query]) -> None:
    assert len({query.query_id for query in example_queries}) == len(example_queries)
    again = generate(dict(reversed(list(read_examples().items()))), per_passage=12)
    assert {query.query_id for query in again} == {query.query_id for query in example_queries}


def test_another_seed_writes_other_queries(example_queries: list[Query]) -> None:
    other = generate(read_examples(), per_passage=12, seed=14)
    assert {query.text for query in other} != {query.text for query in example_queries}


def test_a_new_passage_leaves_most_queries_of_the_others() -> None:
    corpus = read_examples()
    before = {query.query_id for query in generate(corpus)}
    after = {query.query_id for query in generate({"new": WELDER, **corpus})}
    assert len(before & after) > 0.6 * len(before)


def test_two_queries_of_a_passage_say_different_things(example_queries: list[Query]) -> None:
    for queries in group(example_queries).values():
        for one, other in combinations(queries, 2):
            a, b = content(one.text), content(other.text)
            assert len(a & b) <= 0.6 * min(len(a), len(b)), (one.text, other.text)


def test_wording_is_not_all_copied(example_queries: list[Query]) -> None:
    corpus = read_examples()
    shares = [
        len(content(query.text) & content(corpus[query.passage_id])) / len(content(query.text))
        for query in example_queries
    ]
    assert 0.3 < sum(shares) / len(shares) < 0.85


def test_nothing_personal_gets_into_a_query() -> None:
    corpus = {"nurse": NURSE, "welder": WELDER}
    profile = Profile(name="Zdenka Quillfeather", titles=("Registered Nurse",), years=8)
    texts = [
        query.text.lower()
        for seed in range(10)
        for query in generate(corpus, {"nurse": profile}, per_passage=20, seed=seed)
        if query.passage_id == "nurse"
    ]
    assert len(texts) > 50
    for text in texts:
        for secret in ("zdenka", "quillfeather", "thistlewood", "example.com", "555", "@", "www"):
            assert secret not in text, text


def test_names_read_off_the_passage_stay_out() -> None:
    corpus = read_examples()
    names = {key: Profile.of(read_insights(text)).name for key, text in corpus.items()}
    assert sum(map(bool, names.values())) > len(corpus) / 2
    for query in generate(corpus, per_passage=12):
        words = set(re.findall(r"[^\W\d_]+", query.text.lower()))
        assert words.isdisjoint(re.findall(r"[^\W\d_]{3,}", names[query.passage_id].lower()))


def test_a_passage_that_says_nothing_special_gets_no_query() -> None:
    corpus = {"empty": EMPTY, "nurse": NURSE, "welder": WELDER}
    groups = group(generate(corpus))
    assert "empty" not in groups
    assert {"nurse", "welder"} == set(groups)


def test_no_passage_gets_more_than_it_carries() -> None:
    queries = generate({"nurse": NURSE, "welder": WELDER}, per_passage=50)
    assert 6 < len(queries) < 100


OTHERS = {
    "de": """Aldine Quastenberg
Fachkrankenschwester für Intensivpflege, Leipzig

Berufserfahrung
2016 – heute Klinikum Auental, Intensivstation
- Betreuung beatmeter Patienten und Weaning nach Protokoll
- Einarbeitung der neuen Kolleginnen, Nierenersatzverfahren mit Citrat

Kenntnisse
Hämofiltration, Aromapflege, Notfalltraining""",
    "fr": """Aldine Quastenberg
Infirmière puéricultrice

EXPÉRIENCE PROFESSIONNELLE
Néonatologie, hôpital de la Pointe, depuis 2017
- Soins aux grands prématurés et alimentation par sonde
- Tutorat des étudiantes, animation d'un groupe de parents

COMPÉTENCES
Réanimation néonatale, éducation thérapeutique, ventilation""",
    "other": """瞿云舟
运维工程师，杭州

工作经历
2020年至今　青桐视频　高级运维工程师
- 建立监控与告警体系，瞿云舟主导异地多活改造
- 维护数据库和缓存，编写自动扩缩容组件

技能
容量规划、压力测试、灾备演练、网络排障""",
}


@pytest.mark.parametrize("language", OTHERS)
def test_a_resume_in_another_language_is_asked_for_its_own_phrases(language: str) -> None:
    text = OTHERS[language]
    assert other_language(text) == language
    asked = [query.text for query in generate(OTHERS) if query.passage_id == language]
    assert len(asked) >= 3
    words = [word for query in asked for word in re.findall(r"[^\W_]+", query)]
    assert all(word.lower() in text.lower() for word in words)
    absent = (
        "aldine quastenberg 瞿云舟 und der mit depuis aux berufserfahrung compétences 技能 工作经历"
    )
    assert not set(absent.split()) & {word.lower() for word in words}


def test_no_english_resume_is_taken_for_another_language() -> None:
    assert {other_language(text) for text in read_examples().values()} == {""}


def test_an_empty_corpus_gets_no_queries() -> None:
    assert generate({}) == []
    assert generate({"a": "", "b": " \n "}) == []


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[str, int, int]] = []
    generate_offline(
        {"nurse": NURSE, "welder": WELDER},
        settings=GenerateSettings(),
        progress=lambda task, done, total, note="": seen.append((task, done, total)),
    )
    assert seen[-1] == ("generate", 2, 2)


def test_passages_that_are_no_resumes_are_not_asked_about_candidates() -> None:
    corpus = {
        f"note{number}": f"Note {number}. The convertible senior notes mature in instalments. "
        f"Lease liabilities for the {place} depot and the {place} harbour crane are discounted "
        f"at the incremental borrowing rate; goodwill impairment of {place} terminals is tested."
        for number, place in enumerate(("Rotterdam", "Gdansk", "Valparaiso", "Mombasa"))
    }
    queries = generate(corpus)
    assert {query.kind for query in queries} == {"keywords", "question", "exam"}
    assert not any(re.search("candidate|résumé|applicant", query.text) for query in queries)


def test_evidence_is_told_apart() -> None:
    profile = Profile(name="Zdenka Quillfeather", skills=("Epic",))
    evidence = read_evidence(NURSE, profile, statistics_of(NURSE, WELDER))
    assert [title.text for title in evidence.titles] == ["registered nurse"]
    assert "Harbour Lights Hospital" in [employer.text for employer in evidence.employers]
    assert "Lakeside University" in [school.text for school in evidence.schools]
    assert {"phlebotomy", "Epic", "haemodialysis"} <= {skill.text for skill in evidence.skills}
    assert any("Bachelor of Science" in fact.text for fact in evidence.credentials)


@pytest.mark.parametrize(
    ("sentence", "verb", "said"),
    [
        ("Managed a team of 12 renal nurses", "manage", "a team renal nurses"),
        ("Designed and built hydraulic test rigs", "build", "hydraulic test rigs"),
        ("Led the harbour crane refit;", "lead", "the harbour crane refit"),
        ("Responsible for planning the orchard harvest", "plan", "the orchard harvest"),
        ("I have successfully negotiated haulage contracts", "negotiate", "haulage contracts"),
        ("Led our sterile packaging line, saving 30% of the film", "lead", None),
        ("Teach Welsh-medium chemistry which nobody else wanted", "teach", None),
        ("Organised (with two others) the lambing rota", "organize", "the lambing rota"),
    ],
)
def test_responsibilities_are_taken_into_verb_and_object(
    sentence: str, verb: str, said: str | None
) -> None:
    (duty,) = read_duties([sentence], statistics_of(sentence, WELDER))
    assert duty.lemma == verb
    assert said is None or duty.text == said
    assert not any(char.isdigit() for char in duty.text)
    assert "which" not in duty.text


@pytest.mark.parametrize(
    "line",
    [
        "Support Engineer, Northgate Shipyard",
        "Programming Languages: Java, Kotlin",
        "Project management",
        "The ward has 34 beds for renal patients",
        "Managed the team",
    ],
)
def test_what_is_no_responsibility_is_passed_over(line: str) -> None:
    assert list(read_duties(unwrap(line), statistics_of(line, NURSE))) == []


@pytest.mark.parametrize(
    ("lemma", "forms"),
    [
        ("manage", ("managing", "managed", "managed", "manages")),
        ("plan", ("planning", "planned", "planned", "plans")),
        ("oversee", ("overseeing", "oversaw", "overseen", "oversees")),
        ("write", ("writing", "wrote", "written", "writes")),
        ("supply", ("supplying", "supplied", "supplied", "supplies")),
        ("deploy", ("deploying", "deployed", "deployed", "deploys")),
        ("teach", ("teaching", "taught", "taught", "teaches")),
    ],
)
def test_verbs_are_conjugated(lemma: str, forms: tuple[str, ...]) -> None:
    assert verb_forms(lemma) == forms
    assert {LEMMAS[form] for form in forms} == {lemma}


def test_a_verb_is_not_replaced_by_itself() -> None:
    for lemma, others in VERBS.items():
        assert lemma not in others


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_a_dozen_templates(kind: str) -> None:
    assert len(set(RESUME_TEMPLATES[kind])) >= 12
    assert kind not in NEUTRAL_TEMPLATES or len(set(NEUTRAL_TEMPLATES[kind])) >= 12


def test_every_template_can_be_filled() -> None:
    known = {"title", "a_title", "employer", "school", "skill", "skills", "project", "aproject"}
    known |= {"credential", "phrase", "years", "location", "language"}
    known |= {"do", "doing", "did", "done"}
    for templates in (RESUME_TEMPLATES, NEUTRAL_TEMPLATES):
        for lines in templates.values():
            for line in lines:
                names = fields(line)
                assert names
                assert {name.removeprefix("far").rstrip("234") for name in names} <= known
                assert len(set(names)) == len(names)


def test_paraphrases_say_it_otherwise() -> None:
    rng = random.Random(1)
    assert "customer service" not in TERMS.replace("customer service", rng, rate=1.0)
    assert TERMS.replace("customer service", rng, rate=0.0) == "customer service"
    assert TERMS.replace("glassblowing", rng, rate=1.0) == "glassblowing"
    assert TERMS.replace("Next.js", rng, rate=1.0) == "Next.js"
    assert TITLES.replace("registered nurse", rng, rate=1.0) in ("RN", "nurse")


@pytest.mark.parametrize(
    ("title", "typed"),
    [
        ("Sr. Java Developer", "senior java developer"),
        ("SALES MANAGER", "sales manager"),
        ("FORMERLY SALES MANAGER", "sales manager"),
        ("HR Manager", "HR manager"),
    ],
)
def test_titles_are_written_as_one_types_them(title: str, typed: str) -> None:
    assert title_case(title) == typed


@pytest.mark.parametrize(
    ("noun", "article"),
    [
        ("engineer", "an"),
        ("nurse", "a"),
        ("HR manager", "an"),
        ("user researcher", "a"),
        ("MRI technician", "an"),
        ("university lecturer", "a"),
        ("underwriter", "an"),
        ("UX designer", "a"),
        ("head chef", "a"),
    ],
)
def test_articles(noun: str, article: str) -> None:
    assert with_article(noun) == f"{article} {noun}"


@given(st.lists(st.text("abcxyz", min_size=2, max_size=6), min_size=2, max_size=8), st.integers())
def test_dropping_words_keeps_two_and_adds_none(words: list[str], seed: int) -> None:
    kept = shuffle_drop(words, random.Random(seed), rate=0.9)
    assert len(kept) >= 2
    assert not Counter(kept) - Counter(words)


@settings(max_examples=20)
@given(st.lists(st.text(max_size=200), max_size=4))
def test_any_corpus_gets_sound_queries(texts: list[str]) -> None:
    corpus = {f"p{number}": text for number, text in enumerate(texts)} | {"nurse": NURSE}
    for query in generate(corpus):
        assert query.text == query.text.strip() != ""
        assert query.passage_id in corpus
        assert "{" not in query.text or "{" in corpus[query.passage_id]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no {DATA}")
def test_real_passages_get_queries_of_their_own_words() -> None:
    dataset = read_dataset(DATA / "resume_qa.json")
    corpus = dict(list(dataset.corpus.items())[:25])
    groups = group(generate(corpus))
    assert len(groups) > 22
    for key, queries in groups.items():
        own = content(corpus[key])
        assert sum(bool(content(query.text) & own) for query in queries) >= len(queries) - 1


@pytest.mark.parametrize("name", ["Jory Penhallow", "ANNE-MARIE O’DELL", "Sunniva van Dyck-Ole"])
def test_a_name_that_no_profile_tells_is_still_kept_out(name: str) -> None:
    text = WELDER.replace("Experience", f"{name}\n\n{name} welds by hand.\nExperience", 1)
    parts = {part for part in re.findall(r"[^\W\d_]{3,}", name.lower()) if part != "van"}
    texts = [
        q.text for seed in range(6) for q in generate({"a": text}, {"a": Profile()}, seed=seed)
    ]
    assert len(texts) > 20
    for query in texts:
        assert parts.isdisjoint(re.findall(r"[^\W\d_]+", query.lower())), query
