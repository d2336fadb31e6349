from pathlib import Path

import numpy as np
import pytest
import torch

from cvseeker.core.training_settings import WindowSettings
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.tokens import (
    encode_passages_with_tokens,
    encode_queries_with_tokens,
    unit,
)

LONG = " ".join(f"night shifts in hotel {number}, with a payroll course." for number in range(9))
REPEATED = "chef " * 60


@pytest.fixture(scope="module")
def encoder(tiny_model: Path) -> LocalEncoder:
    windows = WindowSettings(window_tokens=24, overlap_tokens=8)
    return LocalEncoder.from_name(str(tiny_model), windows=windows)


def words_of(encoder: LocalEncoder, text: str) -> list[tuple[int, int]]:
    """Return the spans of a text's tokens with a letter or a digit in them."""
    tokens = encoder.model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    return [(a, b) for a, b in tokens["offset_mapping"] if any(map(str.isalnum, text[a:b]))]


@pytest.mark.parametrize("text", [LONG, REPEATED, "chef", "Chef—nurse\n\n(Go), café №5!"])
def test_a_passages_tokens_are_kept_once_each(encoder: LocalEncoder, text: str) -> None:
    _, tokens = encode_passages_with_tokens(encoder, [text])
    assert [tuple(span) for span in tokens.spans.tolist()] == words_of(encoder, text)
    pieces = [text[a:b].lower() for a, b in tokens.spans]
    names = encoder.model.tokenizer.convert_ids_to_tokens(tokens.ids.tolist())
    known = [(piece, name) for piece, name in zip(pieces, names, strict=True) if name != "[UNK]"]
    assert [name.removeprefix("##") for _, name in known] == [
        piece.replace("é", "e") for piece, _ in known
    ]
    assert np.allclose(np.linalg.norm(tokens.vectors, axis=1), 1, atol=1e-5)
    assert tokens.vectors.dtype == np.float32


def test_a_token_of_two_windows_is_taken_where_more_stands_around_it(encoder: LocalEncoder) -> None:
    _, tokens = encode_passages_with_tokens(encoder, [LONG])
    windows = encoder.split([LONG])
    seen: dict[tuple[int, int], list[tuple[int, torch.Tensor]]] = {}
    for window in windows:
        vectors = encoder.model.encode([window.text], prompt="", output_value="token_embeddings")[0]
        offsets = encoder.model.tokenizer(window.text, return_offsets_mapping=True)
        for (begin, end), vector in zip(offsets["offset_mapping"], vectors, strict=True):
            room = min(end, len(window.text) - end)
            span = (begin + window.start, end + window.start)
            seen.setdefault(span, []).append((room, vector))
    assert max(map(len, seen.values())) > 1
    for span, vector in zip(tokens.spans.tolist(), tokens.vectors, strict=True):
        _, best = max(seen[tuple(span)], key=lambda item: item[0])
        assert np.allclose(vector, unit(best.numpy()[None])[0], atol=1e-5)


def test_one_pass_gives_the_pooled_vectors_too(encoder: LocalEncoder) -> None:
    texts = [LONG, "pastry chef", "", REPEATED]
    pooled, tokens = encode_passages_with_tokens(encoder, texts)
    plain = encoder.encode_passages(texts)
    assert pooled.windows == plain.windows
    assert pooled.owners.tolist() == plain.owners.tolist()
    assert np.allclose(pooled.vectors, plain.vectors, atol=1e-5)
    assert [window.text for window in pooled.windows] == [
        texts[window.passage][window.start :][: len(window.text)] for window in pooled.windows
    ]
    queries, _ = encode_queries_with_tokens(encoder, texts[:2])
    assert np.allclose(queries, encoder.encode_queries(texts[:2]), atol=1e-5)
    assert len(tokens.bounds) == 5
    assert tokens.bounds[2] == tokens.bounds[3]


def test_other_texts_and_their_order_change_no_vectors(encoder: LocalEncoder) -> None:
    _, together = encode_passages_with_tokens(encoder, ["chef", LONG, "night nurse"])
    for position, text in enumerate(["chef", LONG, "night nurse"]):
        _, alone = encode_passages_with_tokens(encoder, [text])
        rows = slice(*together.bounds[position : position + 2])
        assert together.ids[rows].tolist() == alone.ids.tolist()
        assert np.allclose(together.vectors[rows], alone.vectors, atol=1e-5)


def test_the_query_prompts_tokens_are_left_out(tiny_model: Path) -> None:
    encoder = LocalEncoder.from_name(str(tiny_model))
    _, plain = encode_queries_with_tokens(encoder, ["night nurse?", "?"])
    encoder.model.prompts["query"] = "Represent this hotel: "
    _, prompted = encode_queries_with_tokens(encoder, ["night nurse?", "?"])
    assert prompted.spans.tolist() == plain.spans.tolist() == [[0, 5], [6, 11]]
    assert prompted.ids.tolist() == plain.ids.tolist()
    assert prompted.bounds.tolist() == [0, 2, 2]
    assert not np.allclose(prompted.vectors, plain.vectors, atol=1e-3)


def test_a_query_beyond_the_models_length_is_cut(encoder: LocalEncoder) -> None:
    _, tokens = encode_queries_with_tokens(encoder, ["chef " * 500])
    assert len(tokens.ids) == 126  # 128 less [CLS] and [SEP]


def test_frequencies_count_texts(encoder: LocalEncoder) -> None:
    _, tokens = encode_passages_with_tokens(encoder, ["chef chef nurse", "chef", "?"])
    chef, _, nurse = tokens.ids[:3]
    assert tokens.frequencies[chef] == 2
    assert tokens.frequencies[nurse] == 1
    assert tokens.frequencies.sum() == 3


def test_no_texts_have_no_tokens(encoder: LocalEncoder) -> None:
    pooled, tokens = encode_queries_with_tokens(encoder, [])
    assert len(pooled) == len(tokens.ids) == 0
    assert tokens.bounds.tolist() == [0]
    none, tokens = encode_passages_with_tokens(encoder, [])
    assert none.windows == tokens.ids.tolist() == []
    _, empty = encode_passages_with_tokens(encoder, ["", "..."])
    assert empty.bounds.tolist() == [0, 0, 0]
    assert empty.frequencies.tolist() == []
