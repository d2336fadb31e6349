"""A BERT encoder for a query or two, in NumPy: loading torch takes longer than a whole search.

It gives what the same folder gives as a sentence-transformers model in full precision, to the last
digits (a test compares them), and only for what is simple enough: a BERT, mean or first-token
pooling, unit length. For any other model, and for corpora, there is ``LocalEncoder``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cvseeker.core.files import read_json
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.codec import unit
from cvseeker.retrieval.encoder import saved_settings
from cvseeker.retrieval.models import QUERY_PROMPTS, BaseModelChoice, damaged_weight
from cvseeker.retrieval.tokens import TokenVectors, join_queries
from cvseeker.retrieval.windows import FloatArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Weights = Mapping[str, FloatArray]

# The last words of the types of the modules that a folder may have, in their order.
MODULES = ["Transformer", "Pooling", "Normalize"]


@dataclass(frozen=True, slots=True)
class QueryEncoder:
    """Queries → pooled and token vectors, without torch; ``prompt`` is put before a query."""

    tokenizer: "Tokenizer"
    weights: Weights
    layers: int
    heads: int
    epsilon: float
    first_token: bool
    prompt: str
    hybrid: HybridWeights

    @classmethod
    def from_choice(cls, choice: BaseModelChoice) -> Self | None:
        """Load a model's folder; ``None`` where it is no folder or not simple enough."""
        folder = Path(choice.location)
        try:
            return cls._load(folder, choice.name)
        except Exception:  # noqa: BLE001 (tokenizers raises nothing more precise)
            # What is damaged is complained of by whoever loads it whole.
            return None

    @classmethod
    def _load(cls, folder: Path, name: str) -> Self | None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        config = read_json(folder / "config.json")
        modules = read_json(folder / "modules.json")
        kinds = [module["type"].rpartition(".")[2] for module in modules]
        plain = (
            config["model_type"] == "bert"
            and config.get("hidden_act") == "gelu"
            and config.get("position_embedding_type", "absolute") == "absolute"
            and not config.get("is_decoder")
            and kinds in (MODULES, MODULES[:2])
            and not modules[0]["path"]
        )
        first_token = _first_token(read_json(folder / modules[1]["path"] / "config.json"))
        if not plain or first_token is None:
            return None
        weights = {
            name.removeprefix("bert."): np.ascontiguousarray(array, dtype=np.float32)
            for name, array in load_file(folder / "model.safetensors").items()
        }
        if damaged_weight(weights.items()):
            return None
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(_longest(folder, config))
        prompts = _read(folder / "config_sentence_transformers.json").get("prompts") or {}
        _, hybrid = saved_settings(folder)
        encoder = cls(
            tokenizer,
            weights,
            config["num_hidden_layers"],
            config["num_attention_heads"],
            config["layer_norm_eps"],
            first_token,
            prompts.get("query") or QUERY_PROMPTS.get(name, ""),
            hybrid,
        )
        encoder.encode(["a"])  # needs every weight
        return encoder

    def encode(self, texts: Sequence[str]) -> tuple[FloatArray, TokenVectors]:
        """Return pooled vectors, shape (n, dim), float32, unit length, and token vectors."""
        pooled, hidden, tokens = [], [], []
        for text in texts:
            found = self.tokenizer.encode(self.prompt + text)
            states = self._forward(np.array(found.ids))  # (tokens, dim)
            pooled.append(states[0] if self.first_token else states.mean(axis=0))
            hidden.append(states)
            tokens.append((found.ids, found.offsets, found.special_tokens_mask))
        if not texts:
            return np.zeros((0, self._width), np.float32), join_queries([], "", [], [])
        return unit(np.stack(pooled)), join_queries(texts, self.prompt, hidden, tokens)

    @property
    def _width(self) -> int:
        return len(self.weights["embeddings.LayerNorm.bias"])

    def _forward(self, ids: Any) -> FloatArray:
        """Return the last hidden states of one text, shape (tokens, dim)."""
        embedded = (
            self.weights["embeddings.word_embeddings.weight"][ids]
            + self.weights["embeddings.position_embeddings.weight"][: len(ids)]
            + self.weights["embeddings.token_type_embeddings.weight"][0]
        )
        states = self._normalise("embeddings", embedded)
        for layer in range(self.layers):
            name = f"encoder.layer.{layer}"
            attended = self._attend(f"{name}.attention.self", states)
            attended = self._linear(f"{name}.attention.output.dense", attended)
            states = self._normalise(f"{name}.attention.output", attended + states)
            inner = _gelu(self._linear(f"{name}.intermediate.dense", states))
            states = self._normalise(
                f"{name}.output", self._linear(f"{name}.output.dense", inner) + states
            )
        return states

    def _attend(self, name: str, states: FloatArray) -> FloatArray:
        """Mix the tokens' values, head by head; shape (tokens, dim)."""
        tokens, dim = states.shape
        query, key, value = (
            self._linear(f"{name}.{part}", states).reshape(tokens, self.heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )  # (heads, tokens, head_dim)
        scores = query @ key.swapaxes(1, 2) / np.float32(np.sqrt(dim / self.heads))
        shares = np.exp(scores - scores.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        mixed: FloatArray = (shares @ value).swapaxes(0, 1).reshape(tokens, dim)
        return mixed

    def _linear(self, name: str, states: FloatArray) -> FloatArray:
        product: FloatArray = states @ self.weights[f"{name}.weight"].T
        return product + self.weights[f"{name}.bias"]

    def _normalise(self, name: str, states: FloatArray) -> FloatArray:
        centred = states - states.mean(axis=1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=1, keepdims=True) + np.float32(self.epsilon))
        scaled: FloatArray = centred / spread * self.weights[f"{name}.LayerNorm.weight"]
        return scaled + self.weights[f"{name}.LayerNorm.bias"]


def _first_token(pooling: Mapping[str, Any]) -> bool | None:
    """Return whether the first token is taken, or the mean of all; ``None``: something else."""
    mode = pooling.get("pooling_mode")
    if mode is None:
        chosen = [name for name, on in pooling.items() if name.startswith("pooling_mode_") and on]
        named = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
        mode = named.get(chosen[0]) if len(chosen) == 1 else None
    if pooling.get("include_prompt") is False:
        return None
    known: dict[Any, bool] = {"mean": False, "cls": True}
    return known.get(mode)


def _longest(folder: Path, config: Mapping[str, Any]) -> int:
    lengths = (
        _read(folder / "sentence_bert_config.json").get("max_seq_length"),
        _read(folder / "tokenizer_config.json").get("model_max_length"),
        config["max_position_embeddings"],
    )
    return int(min(length for length in lengths if length))


def _read(path: Path) -> dict[str, Any]:
    return dict(read_json(path)) if path.is_file() else {}


def _gelu(values: FloatArray) -> FloatArray:
    scaled = values / np.float32(np.sqrt(2))
    return values * np.float32(0.5) * (1 + _erf(scaled))


def _erf(values: FloatArray) -> FloatArray:
    """Return the error function to 1.5e-7.

    References
    ----------
    Abramowitz & Stegun 1964, "Handbook of Mathematical Functions", 7.1.26.
    """
    size = np.abs(values)
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = np.zeros_like(t)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + np.float32(factor)) * t
    found: FloatArray = np.sign(values) * (1 - series * np.exp(-(size**2)))
    return found
