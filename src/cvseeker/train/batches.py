"""Texts → batches of token numbers: each text is tokenised once, before training begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray

from cvseeker.train.packed import first_position

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TokenArray = NDArray[np.int32]

LABEL_COLUMN = "label"
# Tokens of all texts of a row; batches are bucketed by it.
LENGTH_COLUMN = "tokens"

# Texts tokenised at a time.
CHUNK = 512
# Tensor cores work on tiles of this many rows; on a processor it would only be padding.
GPU_MULTIPLE = 8


@dataclass(frozen=True, slots=True)
class BatchCollator:
    """Rows of token numbers → a batch as sentence-transformers' losses take it."""

    # The columns that hold texts, in the loss's order, each with what the model wants to be told of
    # all its texts, such as the length of their prompt.
    columns: Mapping[str, Mapping[str, Any]]
    pad_id: int
    pad_left: bool
    # A batch is as wide as its longest text, rounded up to a multiple, within the model's limit.
    multiple: int
    limit: int
    # The texts of a batch stand behind one another in one row instead, unpadded.
    packed: bool
    first_position: int
    # What the trainer asks every collator for.
    valid_label_columns: tuple[str, ...] = (LABEL_COLUMN,)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the features of each column under its name, and the labels."""
        batch: dict[str, Any] = {}
        for column, constants in self.columns.items():
            texts = [np.asarray(row[column], dtype=np.int64) for row in rows]
            features = self._pack(texts) if self.packed else self._pad(texts)
            features.update(constants)
            batch |= {f"{column}_{name}": value for name, value in features.items()}
        if LABEL_COLUMN in rows[0]:
            batch[LABEL_COLUMN] = torch.tensor([row[LABEL_COLUMN] for row in rows])
        return batch

    def _pad(self, texts: Sequence[NDArray[np.int64]]) -> dict[str, Any]:
        """Return ``input_ids`` and ``attention_mask`` of shape (batch, width)."""
        longest = max(len(text) for text in texts)
        width = max(longest, min(-(-longest // self.multiple) * self.multiple, self.limit))
        ids = np.full((len(texts), width), self.pad_id, dtype=np.int64)  # (batch, width)
        mask = np.zeros_like(ids)
        for row, text in enumerate(texts):
            place = slice(width - len(text), width) if self.pad_left else slice(len(text))
            ids[row, place] = text
            mask[row, place] = 1
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}

    def _pack(self, texts: Sequence[NDArray[np.int64]]) -> dict[str, Any]:
        """Return all texts in one row, shape (1, tokens), and where each begins."""
        lengths = torch.tensor([len(text) for text in texts])  # (batch,)
        bounds = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))  # (batch + 1,)
        owners = torch.repeat_interleave(torch.arange(len(texts)), lengths)  # (tokens,)
        positions = torch.arange(int(bounds[-1])) - bounds[owners] + self.first_position
        longest = int(lengths.max())
        return {
            "input_ids": torch.from_numpy(np.concatenate(texts))[None],
            "position_ids": positions[None],
            "seq_idx": owners.int()[None],
            "cu_seq_lens_q": bounds.int(),
            "cu_seq_lens_k": bounds.int(),
            "max_length_q": longest,
            "max_length_k": longest,
        }


def tokenise_columns(
    model: "SentenceTransformer",
    columns: Mapping[str, Sequence[str]],
    *,
    prompts: Mapping[str, str],
    labels: Sequence[int] | Sequence[Sequence[int]] | None = None,
    packed: bool = False,
) -> tuple[Dataset, BatchCollator]:
    """Tokenise the columns of a training set, as the model itself would when it encodes them.

    Columns stand in the loss's order; no name may begin with another one and an underscore: the
    trainer would mix the two up. The rows have their ``label`` and the number of their ``tokens``.
    """
    tokenised = {
        name: _tokenise(model, texts, prompts.get(name, "")) for name, texts in columns.items()
    }
    rows: dict[str, Any] = {name: ids for name, (ids, _) in tokenised.items()}
    rows[LENGTH_COLUMN] = [sum(map(len, row)) for row in zip(*rows.values(), strict=True)]
    if labels is not None:
        rows[LABEL_COLUMN] = list(labels)
    tokenizer: Any = model.tokenizer
    collator = BatchCollator(
        columns={name: constants for name, (_, constants) in tokenised.items()},
        pad_id=int(tokenizer.pad_token_id or 0),
        pad_left=tokenizer.padding_side == "left",
        multiple=GPU_MULTIPLE if model.device.type == "cuda" else 1,
        limit=model.max_seq_length or 0,
        packed=packed,
        first_position=first_position(model) if packed else 0,
    )
    return Dataset.from_dict(rows), collator


def _tokenise(
    model: "SentenceTransformer", texts: Sequence[str], prompt: str
) -> tuple[list[TokenArray], dict[str, Any]]:
    """Return the token numbers of each text, and what the model says of all of them alike."""
    distinct = sorted(set(texts), key=len)  # texts of one length together waste least padding
    ids: dict[str, TokenArray] = {}
    constants: dict[str, Any] = {}
    for begin in range(0, len(distinct), CHUNK):
        chunk = distinct[begin : begin + CHUNK]
        features = model.preprocess(chunk, prompt=prompt or None)
        mask = features["attention_mask"].bool()  # (chunk, width)
        for text, row, kept in zip(chunk, features["input_ids"], mask, strict=True):
            ids[text] = row[kept].numpy().astype(np.int32)
        constants = {
            name: features[name] for name in ("modality", "prompt_length") if name in features
        }
    return [ids[text] for text in texts], constants
