"""The counterfactual name swap."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvseeker.cli import main
from cvseeker.core.datasets import RetrievalDataset, write_dataset
from cvseeker.core.errors import InputError
from cvseeker.core.settings import AuditSettings
from cvseeker.evaluate.audit import run as audit_module
from cvseeker.evaluate.audit.material import AuditMaterial, prepare_audit
from cvseeker.evaluate.audit.names import PLACEHOLDER, give_name, read_names
from cvseeker.evaluate.audit.run import ModelAudit, audit_model
from cvseeker.evaluate.audit.stage import audit_files
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.late import LateInteractionRanker
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.store import VectorStore
from cvseeker.retrieval.windows import FloatArray

SETTINGS = AuditSettings(top_k=2, names_per_group=2)
FULL_NAMES = {
    "ana-prunk#1": "Ana Prunk",
    "bo-lindahl#1": "Bo Lindahl",
    "cem-aksoy#1": "Cem Aksoy",
    "dina-farouk#1": "Dina Farouk",
    "eli-marsh#1": "Eli Marsh",
}


@pytest.fixture
def material(tiny_dataset: RetrievalDataset) -> AuditMaterial:
    return prepare_audit(
        tiny_dataset.corpus,
        list(tiny_dataset.queries.values()),
        read_names(names_per_group=2),
        settings=SETTINGS,
        name_of=FULL_NAMES,
    )


@pytest.fixture(scope="module")
def encoder(tiny_model: Path) -> LocalEncoder:
    return LocalEncoder.from_name(str(tiny_model))


@pytest.fixture
def audited(encoder: LocalEncoder, material: AuditMaterial) -> ModelAudit:
    return audit_model(encoder, material)


def test_every_resume_has_one_place_for_a_name(material: AuditMaterial) -> None:
    assert [text.count(PLACEHOLDER) for text in material.texts] == [1] * 6
    assert material.found == 5
    # Fay Okoro's name was not given: hers stays, and another is put before it.
    assert material.texts[5].startswith(f"{PLACEHOLDER}\nFay Okoro.")
    assert material.subjects.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_resume_that_mentions_a_name_is_left_out_but_ranked(
    tiny_dataset: RetrievalDataset,
) -> None:
    corpus = {**tiny_dataset.corpus, "gus#1": "Gus Ode. Guide for safaris in Kenya and Uganda."}
    settings = AuditSettings(top_k=2)
    found = prepare_audit(corpus, ["safari"], read_names(), settings=settings)
    assert (len(found.candidates.ids), found.mentioned) == (7, 1)
    assert 6 not in found.subjects


def test_blind_mode_changes_exactly_nothing(audited: ModelAudit) -> None:
    assert audited.unmasked == 0
    assert not audited.blind.score_change.any()
    assert not audited.blind.rank_gain.any()
    # Of this model: it is the masking that makes it so.
    assert audited.named.score_change.any()
    assert audited.named.rank_gain.any()


def test_a_masker_that_fails_is_found_out(
    monkeypatch: pytest.MonkeyPatch, encoder: LocalEncoder, material: AuditMaterial
) -> None:
    monkeypatch.setattr(audit_module, "mask_name", lambda text, name: text)
    audited = audit_model(encoder, material)
    names = len(material.names.full_names)
    assert audited.unmasked == 6 * names
    # Names that were not masked do what they do in the open, windows aside.
    np.testing.assert_allclose(audited.blind.score_change, audited.named.score_change, atol=1e-5)


def test_the_measures_are_those_of_encoding_everything_again(
    encoder: LocalEncoder, material: AuditMaterial, audited: ModelAudit
) -> None:
    """Short texts are one window each, so that no boundary moves."""
    codes = VectorStore().encode_corpus(encoder, material.texts).codes
    assert codes is not None
    encoder.codec = codes.codec
    queries = EncodedQueries.from_texts(material.queries, encoder)

    def parts(texts: list[str], all_texts: list[str]) -> list[FloatArray]:
        corpus = VectorStore().encode_corpus(encoder, texts)
        assert corpus.codes is not None
        late = LateInteractionRanker(replace(corpus.codes, frequencies=codes.frequencies))
        rankers = [BM25Ranker(all_texts), corpus.dense(), late]
        return [ranker.scores(queries) for ranker in rankers]  # (n_queries, 6) each

    before = parts(material.texts, material.texts)
    subject, name = 2, 3
    renamed = [give_name(text, material.names.full_names[name]) for text in material.texts]
    texts = [*material.texts[:subject], renamed[subject], *material.texts[subject + 1 :]]
    after = parts(texts, renamed)
    for part, earlier in zip(after, before, strict=True):
        others = np.arange(6) != subject
        part[:, others] = earlier[:, others]
    low = [part.min(axis=1, keepdims=True) for part in before]
    span = [np.ptp(part, axis=1, keepdims=True) for part in before]
    shares = encoder.hybrid.shares
    reference, scores = (
        sum(
            share * (part - at) / width
            for share, part, at, width in zip(shares, found, low, span, strict=True)
        )
        for found in (before, after)
    )
    assert isinstance(reference, np.ndarray)
    assert isinstance(scores, np.ndarray)
    change = (scores - reference)[:, subject]
    assert audited.named.score_change[subject, name] == pytest.approx(change.mean(), abs=1e-5)
    # The others keep their placeholders, and their scores.
    own = np.delete(reference, subject, axis=1)
    ranks = [(own > row[:, [subject]]).sum(axis=1) for row in (reference, scores)]
    gained = (ranks[0] - ranks[1]).mean()
    assert audited.named.rank_gain[subject, name] == pytest.approx(gained)
    assert audited.named.selected[subject, name] == pytest.approx((ranks[1] < 2).mean())


def test_who_is_selected_depends_on_how_many_there_are() -> None:
    corpus = {f"p{at}": f"Cook number {at} of a kitchen" for at in range(45)}
    chosen = [
        prepare_audit(dict(list(corpus.items())[:count]), ["cook"], read_names(), settings=settings)
        for count, settings in ((6, AuditSettings()), (45, AuditSettings()), (45, SETTINGS))
    ]
    assert [one.top_k for one in chosen] == [1, 5, 2]


@pytest.mark.parametrize(
    ("settings", "queries", "message"),
    [
        (AuditSettings(top_k=6), ["cook"], "--top-k 6 of 6"),
        (SETTINGS, [], "no queries"),
    ],
)
def test_what_cannot_be_audited_is_refused(
    tiny_corpus: dict[str, str], settings: AuditSettings, queries: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        prepare_audit(tiny_corpus, queries, read_names(), settings=settings)


@pytest.fixture
def dataset_file(tmp_path: Path, tiny_dataset: RetrievalDataset) -> Path:
    write_dataset(tiny_dataset, tmp_path / "<tiny>.json")
    return tmp_path / "<tiny>.json"


def test_a_data_set_leaves_a_page_and_json(
    tmp_path: Path, dataset_file: Path, tiny_model: Path
) -> None:
    out = tmp_path / "audit"
    first = audit_files(dataset_file, [str(tiny_model)], out, SETTINGS)
    assert not first.skipped
    summary: dict[str, Any] = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    (part,) = summary["models"].values()
    assert part["blind"]["largest_score_change"] == 0
    assert set(part["groups"]) == {"white_female", "white_male", "black_female", "black_male"}
    assert max(group["selection_ratio"] for group in part["groups"].values()) in (0, 1)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "&lt;tiny&gt;.json" in page
    assert "<tiny>" not in page
    assert "not a legal bias audit" in page
    assert "exactly 0" in page
    assert re.match(r"No group’s names move a résumé by more than \d\.\d\d ranks", part["verdict"])
    assert part["verdict"] in page
    assert not re.search(r"<script|<link|src=|url\(", page)
    assert audit_files(dataset_file, [str(tiny_model)], out, SETTINGS).skipped
    more = SETTINGS.model_copy(update={"top_k": 3})
    assert not audit_files(dataset_file, [str(tiny_model)], out, more).skipped


def test_the_command_prints_json(
    tmp_path: Path,
    dataset_file: Path,
    tiny_model: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["audit", "--dataset", str(dataset_file), "--out", str(tmp_path / "audit")]
    options = ["--json", "--model", str(tiny_model), "--top-k", "2", "--names-per-group", "2"]
    assert main([*arguments, *options]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["top_k"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "takes either -w DIR"),
        (["-w", "nowhere"], "no finished ingest stage"),
        (["--dataset", "none.json", "--out", "o"], "none.json"),
        (["--dataset", "d.json", "--out", "o", "--judgements", "j"], "--judgements j"),
        (["-w", "nowhere", "--names", "none.toml"], "none.toml"),
        (["-w", "nowhere", "--names-per-group", "1"], "--names-per-group is '1'; expected"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["audit", *arguments]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)
