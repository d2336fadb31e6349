from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.modules import Pooling

from cvseeker.train.batches import BatchCollator, tokenise_columns
from cvseeker.train.packed import switch_to_packed

PROMPT = "search: "
ANCHORS = ["Kafka", "pastry chef with chocolate experience", "Kafka"]
POSITIVES = [
    "Bo Lindahl. Backend engineer. Go, PostgreSQL and Kafka for a payment service.",
    "Ana Prunk. Pastry chef in Ljubljana.",
    "Fay Okoro. Backend engineer.",
]


@pytest.fixture
def model(tiny_model: Path) -> SentenceTransformer:
    model = SentenceTransformer(str(tiny_model), device="cpu")
    model.eval()
    return model


def tokenised(model: SentenceTransformer, **changes: Any) -> tuple[Dataset, BatchCollator]:
    settings: dict[str, Any] = {"prompts": {"anchor": PROMPT}, "labels": [4, 0, 9], **changes}
    return tokenise_columns(model, {"anchor": ANCHORS, "positive": POSITIVES}, **settings)


def features_of(batch: dict[str, Any]) -> list[dict[str, Any]]:
    """Divide a batch as the trainer does before it calls the loss."""
    features: list[dict[str, Any]]
    features, _ = SentenceTransformerTrainer.collect_features(None, batch)  # type: ignore[arg-type]
    return features


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("include_prompt", [True, False])
def test_the_vectors_are_those_of_encode(
    model: SentenceTransformer, packed: bool, include_prompt: bool
) -> None:
    model[1] = Pooling(32, include_prompt=include_prompt)
    queries = model.encode(ANCHORS, prompt=PROMPT, convert_to_tensor=True)
    windows = model.encode(POSITIVES, prompt="", convert_to_tensor=True)
    if packed:
        switch_to_packed(model)
    dataset, collator = tokenised(model, packed=packed)
    features = features_of(collator(list(dataset)))
    assert len(features) == 2
    for column, expected in zip(features, (queries, windows), strict=True):
        found = model(column)["sentence_embedding"]
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_the_prompt_changes_the_vectors(model: SentenceTransformer) -> None:
    dataset, collator = tokenised(model, prompts={})
    bare = model(features_of(collator(list(dataset)))[0])["sentence_embedding"]
    prompted = model.encode(ANCHORS, prompt=PROMPT, convert_to_tensor=True)
    assert not torch.allclose(bare, prompted, atol=1e-3)


def test_no_text_is_tokenised_twice_nor_in_training(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    preprocess = model.preprocess

    def noted(texts: list[str], **options: Any) -> Any:
        seen.extend(texts)
        return preprocess(texts, **options)

    monkeypatch.setattr(model, "preprocess", noted)
    dataset, collator = tokenised(model)
    assert sorted(seen) == sorted(set(ANCHORS) | set(POSITIVES))
    seen.clear()
    collator(list(dataset))
    assert seen == []


def test_a_text_beyond_the_models_limit_is_cut_off(model: SentenceTransformer) -> None:
    model.max_seq_length = 8
    dataset, collator = tokenised(model, prompts={})
    assert max(len(ids) for ids in dataset["positive"]) == 8
    found = model(features_of(collator(list(dataset)))[1])["sentence_embedding"]
    expected = model.encode(POSITIVES, convert_to_tensor=True)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_the_columns_reach_the_loss_in_order_and_with_their_labels(
    model: SentenceTransformer,
) -> None:
    columns = {"anchor": ["a"], "positive": ["b c"]}
    dataset, collator = tokenise_columns(model, columns, prompts={}, labels=[3])
    batch = collator(list(dataset))
    assert [column["input_ids"].shape[1] for column in features_of(batch)] == [3, 4]
    assert batch["label"].tolist() == [3]
    assert dataset["tokens"][0] == 7


def test_there_need_be_no_labels(model: SentenceTransformer) -> None:
    dataset, collator = tokenised(model, labels=None)
    assert "label" not in collator(list(dataset))


def rows(*lengths: int) -> list[dict[str, Any]]:
    return [{"anchor": list(range(1, length + 1))} for length in lengths]


def collator(**changes: Any) -> BatchCollator:
    settings: dict[str, Any] = {
        "columns": {"anchor": {}},
        "pad_id": 0,
        "pad_left": False,
        "multiple": 1,
        "limit": 128,
        "packed": False,
        "first_position": 0,
        **changes,
    }
    return BatchCollator(**settings)


@pytest.mark.parametrize(
    ("multiple", "limit", "width"), [(1, 128, 5), (8, 128, 8), (8, 6, 6), (8, 0, 5)]
)
def test_a_batch_is_as_wide_as_its_longest_text(multiple: int, limit: int, width: int) -> None:
    batch = collator(multiple=multiple, limit=limit)(rows(5, 2))
    assert batch["anchor_input_ids"].shape == (2, width)
    assert batch["anchor_input_ids"][1, :3].tolist() == [1, 2, 0]
    assert batch["anchor_attention_mask"].sum(dim=1).tolist() == [5, 2]


def test_padding_goes_where_the_tokenizer_puts_it() -> None:
    batch = collator(pad_left=True, pad_id=7)(rows(3, 1))
    assert batch["anchor_input_ids"].tolist() == [[1, 2, 3], [7, 7, 1]]
    assert batch["anchor_attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]


def test_packed_texts_stand_behind_one_another() -> None:
    batch = collator(packed=True, first_position=2)(rows(3, 1, 2))
    assert batch["anchor_input_ids"].tolist() == [[1, 2, 3, 1, 1, 2]]
    assert batch["anchor_position_ids"].tolist() == [[2, 3, 4, 2, 2, 3]]
    assert batch["anchor_seq_idx"].tolist() == [[0, 0, 0, 1, 2, 2]]
    assert batch["anchor_cu_seq_lens_q"].tolist() == [0, 3, 4, 6]
    assert batch["anchor_cu_seq_lens_q"].dtype == torch.int32
    assert batch["anchor_max_length_q"] == 3


def test_token_numbers_are_kept_in_four_bytes(model: SentenceTransformer) -> None:
    dataset, _ = tokenised(model)
    assert dataset.features["anchor"].feature.dtype == "int32"
    assert np.asarray(dataset[0]["anchor"]).min() >= 0
