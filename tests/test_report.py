import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pypdf import PdfReader

import cvseeker
from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.settings import Settings
from cvseeker.evaluate.analysis import Analysis, analyse
from cvseeker.evaluate.compare import COMPARED, mean_intervals
from cvseeker.evaluate.encoded import EncodedDataset
from cvseeker.evaluate.report import tables
from cvseeker.evaluate.report.changes import rank_changes
from cvseeker.evaluate.report.excerpts import snippet
from cvseeker.evaluate.report.page import TERMS, term
from cvseeker.evaluate.report.tables import system_rows, truncated_rows
from cvseeker.evaluate.report.write import _in_use, write_report
from cvseeker.evaluate.results import EvaluatedSet, SystemResult
from cvseeker.evaluate.ties import compare_all
from cvseeker.evaluate.verdict import find_verdict
from cvseeker.evaluate.wording import METRIC_TITLES
from cvseeker.retrieval.corpus import EncodedCorpus
from cvseeker.retrieval.encoder import WindowEmbeddings
from cvseeker.retrieval.metrics import query_metrics
from cvseeker.retrieval.ranker import EncodedQueries

ATTACK = "<script>alert('x')</script>"

FACTS: dict[str, Any] = {
    "files": {"ok": 6, "duplicate": 1, "failed": 2},
    "failures": {f"password <b>needed</b> {ATTACK}": 2},
    "resumes": 6,
    "passages": 1_234,
    "person_groups": 5,
    "splits": {"train": {"resumes": 4, "passages": 4, "person_groups": 3}},
    "leakage": {"passages": 2, "over_10_percent": 1, "worst_overlap": 0.18, "worst": []},
}
STAGES = [
    {"stage": "ingest", "seconds": 12.34, "counts": FACTS},
    {
        "stage": "model",
        "seconds": 400.0,
        "counts": {
            "base": ATTACK,
            "pairs": 836,
            "curve": [[0, 0.5], [9, 0.6]],
            "verdict": {"kept": "tuned", "reason": "it rose"},
        },
    },
]
UNIT = EncodedDataset(
    EncodedCorpus(WindowEmbeddings([], np.eye(6), np.arange(6)), None, 0.0),
    EncodedQueries([""] * 6, [[]] * 6, np.eye(6)),
    0.0,
)


def with_vectors(evaluated: EvaluatedSet) -> EvaluatedSet:
    """Return the set with vectors of its tuned model."""
    tuned = replace(evaluated.results["tuned"], encoded=UNIT)
    return replace(evaluated, results={**evaluated.results, "tuned": tuned})


class Page(HTMLParser):
    """The elements, the text and the attributes that would reach beyond the page."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"src", "href", "xlink:href", "action", "data", "srcset"}:
                self.references.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def result(
    name: str, dataset: RetrievalDataset, ranks: list[int], keys: list[str] | None = None
) -> SystemResult:
    """Rank each query's best answer as told and the others in their order."""
    made = SystemResult(name, seconds=1.25)
    for (query_id, grades), rank in zip(dataset.qrels.items(), ranks, strict=True):
        best = max(grades, key=lambda key: grades[key])
        order = [key for key in keys or dataset.corpus if key != best]
        order.insert(rank - 1, best)
        made.run[query_id] = [(key, 1 / at) for at, key in enumerate(order, start=1)]
        made.per_query[query_id] = query_metrics(order, grades)
    return made


@pytest.fixture
def evaluated(tiny_dataset: RetrievalDataset) -> EvaluatedSet:
    """The tiny corpus, on which tuning helps four queries and harms one."""
    ranks = {
        "bm25": [1, 2, 2, 3, 1, 1],
        "base": [3, 6, 2, 4, 1, 1],
        "hybrid(base)": [2, 3, 2, 3, 1, 1],
        "tuned": [1, 1, 1, 1, 1, 2],
        "hybrid(tuned)": [1, 1, 1, 1, 1, 1],
    }
    results = {name: result(name, tiny_dataset, found) for name, found in ranks.items()}
    results["base"].truncated = {"accuracy@1": 0.1234, "mrr@10": 0.2345, "ndcg@10": 0.3456}
    return EvaluatedSet("test", tiny_dataset, results)


@pytest.fixture
def handwritten(tiny_dataset: RetrievalDataset) -> EvaluatedSet:
    """Judgements of résumés; each résumé is one passage of the tiny corpus."""
    resume_of = {key: key.partition("#")[0] for key in tiny_dataset.corpus}
    dataset = replace(
        tiny_dataset,
        qrels={
            query_id: {resume_of[key]: 2 for key in grades} | {"eli-marsh": 1}
            for query_id, grades in tiny_dataset.qrels.items()
            if "eli-marsh#1" not in grades
        },
        queries={key: text for key, text in tiny_dataset.queries.items() if key != "q5"},
        person_groups={},
    )
    resumes = list(resume_of.values())
    results = {
        name: result(name, dataset, ranks, resumes)
        for name, ranks in {"bm25": [1] * 5, "base": [5] * 5, "tuned": [2] * 5}.items()
    }
    return EvaluatedSet(
        "handwritten",
        dataset,
        results,
        "resume",
        resume_of,
        {"resumes": 6, "resumes_trained_on": 4},
    )


def analysed(sets: list[EvaluatedSet]) -> dict[str, Analysis]:
    return {one.name: analyse(one) for one in sets}


def advice(evaluated: EvaluatedSet, *, in_use: str = "") -> str:
    return str(find_verdict(evaluated, compare_all(evaluated), in_use=in_use))


def written(tmp_path: Path, sets: list[EvaluatedSet], **options: Any) -> tuple[str, Page]:
    path = tmp_path / "report.html"
    write_report(path, sets, analyses=analysed(sets), **options)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert not page.open, "an element is left open"
    return text, page


def test_the_report_stands_alone(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    text, page = written(tmp_path, [evaluated], title="mine", facts=FACTS, stages=STAGES)
    assert len(text.encode()) < 2_000_000
    assert page.tags.count("script") == 1
    assert not {"link", "iframe", "img", "object", "embed"} & set(page.tags)
    assert not page.handlers
    assert all(reference.startswith("#") for reference in page.references)
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert not re.findall(r"url\(|@import", text)
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_the_report_says_what_was_asked_for(
    tmp_path: Path, evaluated: EvaluatedSet, handwritten: EvaluatedSet
) -> None:
    _, page = written(
        tmp_path,
        [evaluated, handwritten],
        title="my résumés",
        facts=FACTS,
        stages=STAGES,
        settings=Settings().model_dump(),
        command="cvseeker run SOURCE... -w 'my résumés'",
    )
    words = page.words
    # People wrote five queries, too few to decide.
    assert advice(evaluated, in_use="hybrid(tuned)") in words
    assert advice(handwritten) not in words
    assert "They flatter the tuned model" in words
    assert "The right answer rose for 4 queries, fell for 0 and kept its rank for 2" in words
    assert "1,234" in words
    assert "the worst shares 18 %" in words
    assert "6 min 40 s" in words
    assert "cvseeker run SOURCE... -w 'my résumés' --config settings.toml" in words
    assert f"CVSeeker {cvseeker.__version__}" in words
    assert "0.346" in words
    assert page.tags.count("figure") == 1
    assert "Training: nDCG@10 on validation queries" in words
    assert "It is in use, as fine-tuning decided: it rose." in words


def test_what_people_wrote_comes_first(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    judged = replace(evaluated, name="handwritten")
    _, page = written(tmp_path, [evaluated, judged], stages=STAGES)
    words = page.words
    assert words.index("Hand-written queries: 6,") < words.index("Generated test queries")
    assert words.count(advice(evaluated, in_use="hybrid(tuned)")) == 1


def test_every_query_is_listed_with_what_each_system_found(
    tmp_path: Path, evaluated: EvaluatedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, page = written(tmp_path, [evaluated])
    assert "All 6 queries." in page.words
    listed = text[text.index('<div class="listed">') : text.index("</table>\n</div>")]
    assert listed.count("<summary>first five</summary>") == 6
    assert listed.count("<dt>Search, tuned</dt><dd><b>") == 6
    # The largest gain first.
    changes = [float(one) for one in re.findall(r">([+\d.]+)</td></tr>", listed)]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] > changes[-1] == 0
    assert "<b>bo-lindahl#1</b>" in listed
    monkeypatch.setattr(tables, "MOST_QUERIES", 2)
    text, page = written(tmp_path, [evaluated])
    assert "The 2 of 6 queries whose result changed most; runs/ has them all." in page.words
    assert text.count("<summary>first five</summary>") == 2


def test_words_of_the_trade_are_explained_to_pointers_and_to_the_keyboard() -> None:
    assert term("nDCG@10").startswith('<abbr tabindex="0" title="How well')
    assert term("<b>") == "&lt;b&gt;"
    assert {*METRIC_TITLES.values(), "95 % interval", "p"} <= set(TERMS)


def test_the_report_says_which_search_is_in_use(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    model = {"base": "b", "verdict": {"kept": "base", "reason": "no evidence"}}
    stages = [{"stage": "model", "seconds": 1.0, "counts": model}]
    _, page = written(tmp_path, [evaluated], stages=stages)
    assert "Search, untuned (in use)" in page.words
    assert "Search, tuned (in use)" not in page.words
    assert "It is in use, as fine-tuning decided: no evidence." in page.words


def test_a_search_that_is_shown_to_be_better_than_the_one_in_use_can_be_had() -> None:
    systems = ["base", "tuned", "hybrid(base)", "hybrid(tuned)"]
    told = _in_use(systems, "hybrid(base)", "hybrid(tuned)", {"verdict": {"reason": "it fell"}})
    assert told == (
        "At present the untuned search is in use, as fine-tuning decided: it fell. "
        "To use the tuned one: cvseeker finetune -w DIR --force."
    )


def test_the_settings_shown_read_back_as_they_were(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    settings = Settings().override("finetune", {"base": 'odd "name"', "epochs": 1.5})
    _, page = written(tmp_path, [evaluated], stages=STAGES, settings=settings.model_dump())
    shown = page.text[page.text.index("[ingest]") : page.text.index("This page holds")]
    (tmp_path / "settings.toml").write_text(shown, encoding="utf-8")
    assert Settings.from_toml(tmp_path / "settings.toml") == settings


def with_all_texts(dataset: RetrievalDataset, odd: str) -> RetrievalDataset:
    """Put something odd into whatever somebody else wrote."""
    return replace(
        dataset,
        corpus={f"{key}{odd}": f"{text} {odd}" for key, text in dataset.corpus.items()},
        queries={key: f"{text} {odd}" for key, text in dataset.queries.items()},
        qrels={
            query_id: {f"{key}{odd}": 1 for key in grades}
            for query_id, grades in dataset.qrels.items()
        },
        kinds=dict.fromkeys(dataset.kinds, odd),
        person_groups={},
    )


def test_everything_untrusted_is_escaped(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    hostile = with_all_texts(evaluated.dataset, ATTACK)
    worse, better = f"a{ATTACK}", f"b{ATTACK}"
    results = {
        name: result(name, hostile, [rank] * 6)
        for name, rank in {"bm25": 2, worse: 3, better: 1, f"hybrid({better})": 1}.items()
    }
    results[better].truncated = {"ndcg@10": 0.5}
    results[better].encoded = UNIT
    occupations = dict.fromkeys(hostile.corpus, ATTACK)
    text, page = written(
        tmp_path,
        [EvaluatedSet(ATTACK, hostile, results, occupations=occupations)],
        title=ATTACK,
        facts=FACTS,
        stages=STAGES,
        settings={"finetune": {"base": ATTACK}},
    )
    # The page's own and no other.
    assert text.lower().count("<script") == page.tags.count("script") == 1
    assert "<b>needed" not in text
    assert page.text.count("alert(") > 10


def test_nothing_turns_a_line_round_or_moves_a_cursor(
    tmp_path: Path, evaluated: EvaluatedSet
) -> None:
    odd = "\x1b[2J\u202efdp\u2066\x07\x9b\u2028\x7f"
    hostile = with_all_texts(evaluated.dataset, odd)
    names = ["bm25", f"a{odd}", f"b{odd}", f"hybrid(b{odd})"]
    results = {name: result(name, hostile, [at + 1] * 6) for at, name in enumerate(names)}
    one = EvaluatedSet(
        odd, hostile, results, occupations=dict.fromkeys(list(hostile.corpus)[:3], odd)
    )
    files = write_report(
        tmp_path / "r.html",
        [one],
        title=odd,
        command=odd,
        facts={**FACTS, "failures": {odd: 1}},
        stages=[{"stage": odd, "seconds": 1.0, "counts": {odd: odd}}],
        settings={"finetune": {"base": odd}},
        formats=["html", "md"],
        analyses=analysed([one]),
    )
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text) == []
        assert text.count("\\u202efdp") > 20


def test_a_lone_surrogate_does_not_stop_the_report(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    _, page = written(tmp_path, [evaluated], title="r\udce9sum\udce9s")
    assert "r\\udce9sum\\udce9s" in page.words


def test_named_models_and_no_workspace(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    renamed = {"bm25": "bm25", "base": "models/first", "tuned": "last one"}
    results = {new: evaluated.results[old] for old, new in renamed.items()}
    _, page = written(tmp_path, [replace(evaluated, results=results)], title="my data.json")
    assert "fine-tuning" not in page.words
    assert "generator" not in page.words
    assert "the right answer’s ranks in “Keyword search (BM25)” and in “last one”" in page.words
    assert not re.findall(r"\b(?:bm25|hybrid)\b|late\(", page.words)


@pytest.mark.parametrize("systems", [["bm25"], ["bm25", "tuned"], ["tuned"]])
def test_fewer_systems_make_a_report_too(
    tmp_path: Path, evaluated: EvaluatedSet, systems: list[str]
) -> None:
    results = {name: evaluated.results[name] for name in systems}
    one = replace(evaluated, results=results, dataset=replace(evaluated.dataset, kinds={}))
    _, page = written(tmp_path, [one], facts={}, settings={})
    assert ("What changed most, and the words behind it" in page.words) == (len(systems) == 2)


def test_every_format_tells_the_same(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    path = tmp_path / "report.html"
    formats = ["html", "md", "json"]
    analyses = analysed([evaluated])
    files = write_report(path, [evaluated], analyses=analyses, title="mine", formats=formats)
    assert [file.name for file in files] == ["report.html", "report.md", "report.json"]
    plain = json.loads(files[2].read_text(encoding="utf-8"))
    told = plain["sets"][0]
    assert f"{plain['verdict']['lead']} {plain['verdict']['why']}" == advice(evaluated)
    tuned = told["systems"]["tuned"]["ndcg@10"]
    assert tuned["low"] < tuned["mean"] < tuned["high"]
    assert told["changes"]["rose"] == 4
    assert told["significance"]["metric"] == "ndcg@10"
    assert {"slices", "leakage", "copied"} <= set(told)
    assert plain["made_with"]["versions"]["cvseeker"] == cvseeker.__version__
    markdown = files[1].read_text(encoding="utf-8")
    for file in files[:2]:
        assert f"[{tuned['low']:.3f}, {tuned['high']:.3f}]" in file.read_text(encoding="utf-8")
    assert "**chef**" in markdown
    for file in files[:2]:
        assert "Which systems can be told apart?" in file.read_text(encoding="utf-8")
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert rows[0].count("|") == rows[1].count("|") == rows[2].count("|")


def test_only_what_was_asked_for_is_written(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    analyses = analysed([evaluated])
    write_report(tmp_path / "report.html", [evaluated], analyses=analyses, formats=["md"])
    assert [file.name for file in tmp_path.iterdir()] == ["report.md"]


def test_no_contact_is_quoted(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    contact = "Call +1 512 555 0148 or write to ana.prunk@example.org. "
    dataset = evaluated.dataset
    told = replace(
        dataset,
        corpus={key: contact + text for key, text in dataset.corpus.items()},
        queries={key: f"{text} {contact}" for key, text in dataset.queries.items()},
    )
    one = with_vectors(replace(evaluated, dataset=told))
    how: dict[str, Any] = {"analyses": analysed([one]), "formats": ["html", "md", "json"]}
    for file in write_report(tmp_path / "r.html", [one], **how):
        text = file.read_text(encoding="utf-8")
        assert "chocolate" in text
        # Names stand everywhere, beside contacts too.
        assert "[NAME]" not in text
        assert not re.findall(r"555.?0148|@example|prunk@", text), file


def test_the_map_is_drawn_where_there_are_vectors(tmp_path: Path, evaluated: EvaluatedSet) -> None:
    assert "A map of" not in written(tmp_path, [evaluated])[1].words
    _, page = written(tmp_path, [with_vectors(evaluated)])
    assert "6 queries are dots, 6 résumés squares" in page.words


def test_the_best_of_each_column_is_marked(evaluated: EvaluatedSet) -> None:
    evaluated.results["hybrid(tuned)"].bytes_per_passage = 12_345.6
    rows = {
        row.name: row
        for row in system_rows(
            evaluated,
            {metric: mean_intervals(evaluated, metric) for metric in COMPARED},
            compare_all(evaluated),
        )
    }
    assert rows["Search, tuned"].cells[0].text == "1.000"
    *cells, size, letters = rows["Search, tuned"].cells
    assert all(cell.best for cell in cells)
    assert (size.text, letters.text) == ("12,346", "a")
    assert not rows["Vectors alone, untuned"].cells[0].best
    # As printed: both find everything among the first ten.
    assert rows["Vectors alone, untuned"].cells[2].best
    assert rows["Vectors alone, untuned"].hint == "the best window"


def test_truncated_rows_show_what_there_is(evaluated: EvaluatedSet) -> None:
    best_window, cut = truncated_rows(evaluated)
    assert (best_window.name, best_window.hint, cut.hint) == (
        "Vectors alone, untuned",
        "best window",
        "cut",
    )
    assert [cell.text for cell in cut.cells] == ["0.123", "–", "–", "–", "0.234", "0.346", "–"]
    assert best_window.cells[0].best
    assert not cut.cells[0].best


def test_changes_are_counted_and_the_largest_shown_first(evaluated: EvaluatedSet) -> None:
    changes = rank_changes(evaluated, "base", "tuned")
    assert (changes.rose, changes.fell, changes.stayed) == (4, 1, 1)
    assert [(one.query_id, one.before, one.after) for one in changes.improved] == [
        ("q2", 6, 1),
        ("q4", 4, 1),
        ("q1", 3, 1),
        ("q3", 2, 1),
    ]
    (worse,) = changes.worsened
    assert (worse.query_id, worse.before, worse.after) == ("q6", 1, 2)
    assert worse.right.key == "fay-okoro#1"
    # The tuned model put another passage first, the base model did not.
    assert worse.wrong is not None
    assert worse.wrong.key == "ana-prunk#1"
    assert len(rank_changes(evaluated, "base", "tuned", limit=2).improved) == 2


def test_what_is_in_no_run_lies_below_its_end(evaluated: EvaluatedSet) -> None:
    evaluated.results["base"].run["q5"] = [("ana-prunk#1", 1.0)]
    change = rank_changes(evaluated, "base", "tuned").improved[0]
    assert (change.query_id, change.before, change.after) == ("q5", None, 1)


def test_a_resume_shows_the_passage_that_fits(handwritten: EvaluatedSet) -> None:
    corpus = {"ana-prunk#0": "Ana Prunk, Ljubljana", **handwritten.dataset.corpus}
    longer = replace(
        handwritten,
        dataset=replace(handwritten.dataset, corpus=corpus),
        resume_of={"ana-prunk#0": "ana-prunk", **handwritten.resume_of},
    )
    changes = {one.query_id: one for one in rank_changes(longer, "base", "tuned").improved}
    assert changes["q1"].right.key == "ana-prunk"
    marked = [text for text, is_match in changes["q1"].right.pieces if is_match]
    assert marked == ["Pastry", "chef", "chocolate"]
    # Another query is answered by it too, less well.
    wrong = rank_changes(handwritten, "tuned", "base").worsened
    assert {one.wrong_grade for one in wrong} <= {0, 1}


def test_a_snippet_is_cut_where_most_words_are() -> None:
    text = (
        "Nurse. "
        + "Nothing to see here. " * 40
        + "Intensive care\nnurse at night. "
        + "More. " * 90
    )
    cut = snippet("nursing at night in intensive care", "a", text)
    shown = "".join(piece for piece, _ in cut.pieces)
    assert "Intensive care nurse at night" in shown
    assert len(shown) <= 270
    assert [piece for piece, is_match in cut.pieces if is_match] == [
        "Intensive",
        "care",
        "nurse",
        "night",
    ]
    assert shown.startswith("… ")
    assert shown.endswith("\u00a0…")


def test_a_snippet_of_nothing_shared_is_the_beginning() -> None:
    assert snippet("Kafka", "a", "Pastry chef ===== Ljubljana").pieces == (
        ("Pastry chef Ljubljana", False),
    )
    assert snippet("Kafka", "a", "").pieces == ()


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_is_accessible_narrow_and_short_in_print(
    tmp_path: Path, evaluated: EvaluatedSet
) -> None:
    """Needs chromium, and ``pip install axe-playwright-python``; elsewhere it is skipped."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or pytest.skip("no chromium")
    written(tmp_path, [with_vectors(evaluated)], facts=FACTS, stages=STAGES)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 390, "height": 900}, color_scheme=scheme)
            page.goto((tmp_path / "report.html").as_uri())
            page.evaluate(
                "document.querySelectorAll('details').forEach((one) => (one.open = true))"
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert axe.run(page).response["violations"] == []
        page = browser.new_page()
        page.goto((tmp_path / "report.html").as_uri())
        page.pdf(path=tmp_path / "report.pdf", format="A4")
        browser.close()
    assert len(PdfReader(tmp_path / "report.pdf").pages) <= 8
