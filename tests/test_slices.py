import json
import re
from dataclasses import replace

import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.records import Resume
from cvseeker.evaluate.cuts import occupations_of, query_cuts
from cvseeker.evaluate.evidence import find_evidence
from cvseeker.evaluate.report import render
from cvseeker.evaluate.results import EvaluatedSet, SystemResult, plain
from cvseeker.evaluate.slices import (
    MOST_ROWS,
    NOT_TRAINED_ON,
    TRAINED_ON,
    SliceTable,
    slice_tables,
    widest_gain,
)
from cvseeker.retrieval.metrics import query_metrics

FILLER = " ".join(f"word{at}" for at in range(60))


def copied_set() -> EvaluatedSet:
    """Forty queries, half of which copy their answer: BM25 and base find those, tuned all."""
    corpus, queries, qrels, kinds = {}, {}, {}, {}
    for at in range(40):
        term = f"skill{at}"
        corpus[f"p{at}"] = f"{term} {FILLER}" if at % 2 else f"{FILLER} {term} {FILLER} {FILLER}"
        queries[f"q{at}"] = f"{term} expert" if at % 4 else "somebody entirely different please now"
        qrels[f"q{at}"] = {f"p{at}": 1}
        kinds[f"q{at}"] = "copied" if at % 4 else "reworded"
    found = {key: float(kind == "copied") for key, kind in kinds.items()}
    scores = {"bm25": found, "base": found, "tuned": dict.fromkeys(queries, 1.0)}
    results = {
        name: SystemResult(name, per_query={key: {"ndcg@10": value} for key, value in row.items()})
        for name, row in scores.items()
    }
    dataset = RetrievalDataset(corpus, queries, qrels, kinds=kinds)
    resume_of = {key: f"{'NURSING' if at % 2 else 'LAW'}/{key}" for at, key in enumerate(corpus)}
    return EvaluatedSet("test", dataset, results, resume_of=resume_of)


def drawn(evaluated: EvaluatedSet, tables: dict[str, SliceTable]) -> str:
    """Fill the report's part on slices."""
    names = evaluated.names
    content = {
        "slices": tables,
        "names": names,
        "reach": widest_gain(tables),
        "candidate": names.get("tuned"),
        "reference": names.get("base"),
    }
    return render("_slices.html", {"set": content})


def test_a_gain_shows_only_where_it_is() -> None:
    tables = slice_tables(copied_set())
    rows = {row.name: row for row in tables["kind"].rows}
    assert (rows["copied"].queries, rows["reworded"].queries) == (30, 10)
    assert rows["copied"].means == {"bm25": 1.0, "base": 1.0, "tuned": 1.0}
    assert rows["reworded"].means["base"] == 0.0
    assert rows["copied"].gain is not None
    assert rows["copied"].gain.outcome == "within noise"
    assert rows["reworded"].gain is not None
    assert (rows["reworded"].gain.difference, rows["reworded"].gain.outcome) == (1.0, "better")


def test_copying_shows() -> None:
    tables = slice_tables(copied_set())
    rows = {row.name: row.means["base"] for row in tables["overlap"].rows}
    assert rows == {"0 to 25 %": 0.0, "25 to 50 %": 1.0}


def test_p_values_are_corrected_within_a_table() -> None:
    for table in slice_tables(copied_set()).values():
        raw = [row.gain.p_value for row in table.rows if row.gain]
        adjusted = [row.gain.adjusted_p_value for row in table.rows if row.gain]
        assert min(adjusted) == pytest.approx(min(1, min(raw) * len(raw)))


def test_every_query_stands_in_one_row() -> None:
    occupations = {f"{name}/p{at}": name for at in range(40) for name in ("NURSING", "LAW")}
    tables = slice_tables(replace(copied_set(), occupations=occupations))
    assert list(tables) == [
        "kind",
        "query_length",
        "overlap",
        "occupation",
        "passage_length",
        "place",
    ]
    for table in tables.values():
        assert sum(row.queries for row in table.rows) == 40
        json.dumps(plain(table), allow_nan=False)
    occupation = tables["occupation"]
    assert {row.name: row.queries for row in occupation.rows} == {"LAW": 20, "NURSING": 20}


def test_what_says_nothing_is_left_out() -> None:
    dataset = RetrievalDataset(
        {"a": "nurse"}, {"q1": "nurse", "q2": "nurse"}, {"q1": {"a": 1}, "q2": {"a": 1}}
    )
    result = SystemResult("bm25", per_query={key: {"ndcg@10": 1.0} for key in dataset.queries})
    assert slice_tables(EvaluatedSet("test", dataset, {"bm25": result})) == {}


def test_people_who_were_trained_on_are_a_row_of_their_own() -> None:
    """What answers a query about the others is neither right nor in the way."""
    count = 12
    corpus = {f"{who}{at}": "text" for who in ("known", "other") for at in range(count)}
    queries = {f"q{at}": "words" for at in range(count)}
    qrels = {f"q{at}": {f"known{at}": 1, f"other{at}": 1} for at in range(count)}
    runs = {
        "bm25": lambda at: [f"other{at}", f"known{at}"],
        "base": lambda at: [f"other{at}", f"known{(at + 1) % count}", f"known{at}"],
        "tuned": lambda at: [f"other{at}", f"known{at}"],
    }
    results = {}
    for name, ranked in runs.items():
        run = {f"q{at}": [(key, 1.0) for key in ranked(at)] for at in range(count)}
        rows = {key: query_metrics([one for one, _ in run[key]], qrels[key]) for key in run}
        results[name] = SystemResult(name, run, rows)
    evaluated = EvaluatedSet("test", RetrievalDataset(corpus, queries, qrels), results)
    assert "people" not in slice_tables(evaluated)
    trained_on = {f"known{at}" for at in range(count)}
    known, other = slice_tables(evaluated, trained_on=trained_on)["people"].rows
    assert (known.name, other.name) == (TRAINED_ON, NOT_TRAINED_ON)
    assert (known.queries, other.queries) == (count, count)
    assert known.means == {"bm25": 1.0, "base": pytest.approx(0.63093), "tuned": 1.0}
    assert set(other.means.values()) == {1.0}
    assert known.gain is not None
    assert known.gain.outcome == "better"
    # Where nobody else answers, there is nothing to compare with.
    everybody = {*trained_on, *(f"other{at}" for at in range(count))}
    assert "people" not in slice_tables(evaluated, trained_on=everybody)


def test_without_a_model_there_are_means_only() -> None:
    evaluated = copied_set()
    lexical = replace(evaluated, results={"bm25": evaluated.results["bm25"]})
    tables = slice_tables(lexical)
    assert tables
    assert all(row.gain is None and row.means for table in tables.values() for row in table.rows)
    assert "Change" not in drawn(lexical, tables)


def test_rare_rows_are_put_together() -> None:
    evaluated = copied_set()
    kinds = {key: f"kind {at}" for at, key in enumerate(evaluated.dataset.queries)}
    table = slice_tables(replace(evaluated, dataset=replace(evaluated.dataset, kinds=kinds)))[
        "kind"
    ]
    assert len(table.rows) == MOST_ROWS
    assert table.rows[-1].name == "all others"
    assert sum(row.queries for row in table.rows) == 40


def test_the_place_of_the_evidence_is_found() -> None:
    corpus = {
        "first": f"welding certificate {FILLER}",
        "last": f"{FILLER} welding certificate",
        "spread": f"welding {FILLER} certificate",
        "none": FILLER,
    }
    queries = dict.fromkeys(corpus, "welding certificate")
    evidence = find_evidence(RetrievalDataset(corpus, queries, {key: {key: 1} for key in corpus}))
    assert evidence["first"].place == "first third"
    assert evidence["last"].place == "last third"
    assert evidence["none"].place == "no word shared"
    assert (evidence["first"].overlap, evidence["none"].overlap) == (1.0, 0.0)
    assert evidence["first"].words == 62


def test_the_best_relevant_passage_counts_and_a_resume_by_its_passages() -> None:
    dataset = RetrievalDataset(
        {"a#1": "chef", "a#2": "triage nurse", "b#1": "triage nurse, nights"},
        {"q": "triage nurse nights", "r": "the"},
        {"q": {"a": 1, "b": 0}, "r": {"a": 1}},
    )
    resume_of = {"a#1": "a", "a#2": "a", "b#1": "b"}
    evidence = find_evidence(dataset, resume_of=resume_of)
    assert evidence["q"].passage_id == "a#2"
    assert evidence["q"].overlap == pytest.approx(2 / 3)
    assert evidence["r"].overlap is None
    assert find_evidence(dataset) == {}
    keys = [cut.key for cut in query_cuts(EvaluatedSet("h", dataset, {}, "resume", resume_of))]
    assert keys == ["kind", "query_length", "overlap"]


def test_occupations_are_read_off_columns_or_folders() -> None:
    by_folder = [Resume(f"cvs/{job}/{at}.pdf", "") for job in ("LEGAL-AID", "IT") for at in "123"]
    assert occupations_of(by_folder)["cvs/LEGAL-AID/1.pdf"] == "legal aid"
    by_column = [
        Resume(f"all.csv#{at}", "", metadata={"Category": job})
        for at, job in enumerate(["HR", "HR", "Chef", "Chef"])
    ]
    assert occupations_of(by_column)["all.csv#3"] == "Chef"
    own_folders = [Resume(f"{name}/cv.pdf", "") for name in ("ana", "bo", "cem")]
    assert occupations_of(own_folders) == {}
    assert occupations_of([Resume("a.pdf", ""), Resume("b.pdf", "")]) == {}


def test_the_page_draws_every_row() -> None:
    evaluated = copied_set()
    tables = slice_tables(evaluated)
    page = drawn(evaluated, tables)
    assert page.count("<svg") == sum(len(table.rows) for table in tables.values())
    assert "The change is Vectors alone, tuned less Vectors alone, untuned" in page
    places = re.findall(r"M([\d.]+) 0H([\d.]+)\" stroke=[^>]*>\s*<circle cx=\"([\d.]+)\"", page)
    assert len(places) == page.count("<svg")
    for low, high, at in places:
        assert 0 <= float(low) <= float(at) <= float(high) <= 160


def test_a_gain_of_few_people_has_no_interval() -> None:
    evaluated = copied_set()
    kinds = {key: "rare" if at < 4 else "usual" for at, key in enumerate(evaluated.dataset.queries)}
    evaluated = replace(evaluated, dataset=replace(evaluated.dataset, kinds=kinds))
    tables = {"kind": slice_tables(evaluated)["kind"]}
    assert [row.interval is None for row in tables["kind"].rows] == [False, True]
    assert drawn(evaluated, tables).count("too few") == 2
