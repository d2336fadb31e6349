"""A sentence-transformers model that sees passages through windows."""

import copy
import hashlib
import json
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from cvseeker.core.errors import ModelError
from cvseeker.core.files import read_json, write_json
from cvseeker.core.progress import Progress, silent
from cvseeker.core.training_settings import HybridWeights, WindowSettings
from cvseeker.retrieval.codec import CODEC_FILE, TokenCodec, unit
from cvseeker.retrieval.machine import device, encoding_dtype, threads_on
from cvseeker.retrieval.memory import return_freed_memory, reuse_freed_memory
from cvseeker.retrieval.models import (
    CPU_BASE,
    QUERY_PROMPTS,
    BaseModelChoice,
    choose_model,
    damaged_weight,
    keep_libraries_quiet,
)
from cvseeker.retrieval.windows import FloatArray, IntArray, Window, split_windows

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SETTINGS_FILE = "cvseeker.json"

# The names that sentence-transformers looks for a document's prompt under, in its order.
DOCUMENT_PROMPTS = ("document", "passage", "corpus")

# Values of a weight that tell whether it has changed.
SAMPLE = 64

# What a tokenizer says of where its tokens stand, if asked to.
OFFSETS = ("offset_mapping", "special_tokens_mask")

# Tokens in a batch on a processor, padding included; more do not fit its caches.
BATCH_TOKENS = 2048
# Texts that one thread encodes sooner than several.
FEW_TEXTS = 4
# One thread at a time may use a tokenizer.
TOKENIZING = Lock()


@dataclass(frozen=True, slots=True)
class WindowEmbeddings:
    """The encoded windows of a corpus.

    Attributes
    ----------
    windows
        The windows, in the passages' order.
    vectors
        Shape (n_windows, dim), float32, unit length.
    owners
        Shape (n_windows,): the position of each window's passage, ascending.
    """

    windows: list[Window]
    vectors: FloatArray
    owners: IntArray


class Encoder(Protocol):
    """Text → unit-length float32 vectors."""

    name: str

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """Return the queries' vectors, shape (n, dim)."""
        ...

    def encode_passages(
        self, texts: Sequence[str], progress: Progress = silent
    ) -> WindowEmbeddings:
        """Return the vectors of the passages' windows."""
        ...


class LocalEncoder:
    """A sentence-transformers model on this machine.

    Its attribute ``codec`` says how its token vectors are kept, if it has learnt that.

    Parameters
    ----------
    model
        The model.
    name
        What people call it.
    windows
        How it sees passages.
    hybrid
        What counts how much when its scores are fused; ``None``: the defaults.
    """

    def __init__(
        self,
        model: "SentenceTransformer",
        *,
        name: str,
        windows: WindowSettings,
        hybrid: HybridWeights | None = None,
    ) -> None:
        self.model = model
        self.name = name
        self.windows = windows
        self.hybrid = hybrid or HybridWeights()
        self.codec: TokenCodec | None = None
        self._copy: tuple[Any, SentenceTransformer] | None = None
        self._hash: tuple[Any, str] | None = None

    @classmethod
    def from_name(cls, name: str | None = None, *, windows: WindowSettings | None = None) -> Self:
        """Load a model by its folder or name, as ``choose_model`` finds it.

        Parameters
        ----------
        name
            Folder, hub name, or ``None`` for the default base model.
        windows
            How it sees passages; ``None``: as it was saved by CVSeeker, else the defaults.

        Raises
        ------
        ModelError
            If the model cannot be found or loaded.
        """
        return cls.from_choice(choose_model(name), windows=windows)

    @classmethod
    def from_choice(cls, choice: BaseModelChoice, *, windows: WindowSettings | None = None) -> Self:
        """Load a model that was found."""
        model = load_model(choice)
        folder = Path(choice.location)
        own, hybrid = saved_settings(folder)
        encoder = cls(model, name=choice.name, windows=windows or own, hybrid=hybrid)
        if (folder / CODEC_FILE).is_file():
            encoder.codec = TokenCodec.load(folder)
        return encoder

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made again, and send the weights by way of the processor."""
        model = self.model if self.model.device.type == "cpu" else copy.deepcopy(self.model).cpu()
        return {**self.__dict__, "model": model, "_copy": None, "_hash": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the model to the device that there is."""
        self.__dict__ |= state
        self.model.to(device())

    @property
    def query_prompt(self) -> str:
        """What is put before a query; empty for most models."""
        return self.model.prompts.get("query") or ""

    @property
    def document_prompt(self) -> str:
        """What is put before a window; empty for most models."""
        prompts = (self.model.prompts.get(name) for name in DOCUMENT_PROMPTS)
        return next((prompt for prompt in prompts if prompt), "")

    def split(self, texts: Sequence[str]) -> list[Window]:
        """Split passages into this encoder's windows."""
        prompt = self.model.tokenizer.tokenize(self.document_prompt)
        limit = (self.model.max_seq_length or self.windows.window_tokens) - len(prompt)
        fitting = self.windows.model_copy(
            update={"window_tokens": min(self.windows.window_tokens, limit)}
        )
        with TOKENIZING:
            return split_windows(texts, self.model.tokenizer, fitting)

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """Encode n queries, with the model's query prompt: shape (n, dim), float32, unit length."""
        return self._encode(texts, prompt=self.query_prompt)

    def encode_passages(
        self, texts: Sequence[str], progress: Progress = silent
    ) -> WindowEmbeddings:
        """Encode passages, window by window; progress is told of the windows done."""
        windows = self.split(texts)
        vectors = self._encode(
            [window.text for window in windows], prompt=self.document_prompt, progress=progress
        )
        owners = np.array([window.passage for window in windows], dtype=np.int64)
        return WindowEmbeddings(windows, vectors, owners)

    def save(self, folder: Path) -> None:
        """Save a plain sentence-transformers folder, with the windows' settings beside it."""
        self.model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
        settings = {"windows": self.windows.model_dump(), "hybrid": self.hybrid.model_dump()}
        write_json(folder / SETTINGS_FILE, settings)
        if self.codec is not None:
            self.codec.save(folder)

    def forward(
        self,
        texts: Sequence[str],
        *,
        prompt: str,
        offsets: bool = False,
        progress: Progress = silent,
    ) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Run the model over texts, the longest first, so that a batch's are of one length.

        The prompt is put before each, be it empty, so that a model's default prompt is not.

        Yields
        ------
        positions, features
            Some texts' positions, and what the model's modules made of them: tensors
            ``sentence_embedding`` (b, dim), ``token_embeddings`` (b, tokens, dim) and
            ``attention_mask`` (b, tokens), in float32; with ``offsets`` also the tokenizer's
            ``offset_mapping`` (b, tokens, 2) and ``special_tokens_mask`` (b, tokens).
        """
        import torch

        model = self.encoding_model()
        model.eval()

        def run(batch: list[int]) -> dict[str, Any]:
            chosen = [texts[position] for position in batch]
            wanted = {"return_offsets_mapping": offsets, "return_special_tokens_mask": offsets}
            with TOKENIZING:
                features = model.preprocess(
                    chosen, prompt=prompt, processing_kwargs={"text": wanted}
                )
            tokens = {name: features.pop(name) for name in OFFSETS if name in features}
            on_device = {
                name: value.to(model.device) if isinstance(value, torch.Tensor) else value
                for name, value in features.items()
            }
            with torch.inference_mode():
                return {**model(on_device), **tokens}

        done = 0
        with threads_on(model.device.type) as threads, ThreadPoolExecutor(threads) as pool:
            batches = self._batches(texts, threads)
            waiting = deque(
                (batch, pool.submit(run, batch)) for batch in islice(batches, threads + 1)
            )
            while waiting:
                batch, running = waiting.popleft()
                features = running.result()
                waiting.extend((later, pool.submit(run, later)) for later in islice(batches, 1))
                yield batch, features
                done += len(batch)
                progress(f"encode with {self.name}", done, len(texts), "windows")
        if len(texts) > FEW_TEXTS:
            return_freed_memory()

    def encoding_model(self) -> "SentenceTransformer":
        """Return the model in the precision that it encodes in: itself, or a copy in bfloat16.

        The copy is made again when the weights have changed since, as in training.
        """
        import torch

        if encoding_dtype(self.model.device.type) == torch.float32:
            return self.model
        from cvseeker.retrieval.half import half_copy

        state = weights_state(self.model)
        if self._copy is None or self._copy[0] != state:
            self._copy = None  # before the next one takes its memory
            self._copy = (state, half_copy(self.model))
        return self._copy[1]

    def weights_hash(self) -> str:
        """Return the hash of all weights and the tokenizer, made again when the weights change."""
        state = weights_state(self.model)
        if self._hash is None or self._hash[0] != state:
            self._hash = (state, _weights_hash(self.model))
        return self._hash[1]

    def _batches(self, texts: Sequence[str], threads: int) -> Iterator[list[int]]:
        """Yield the positions of texts of one length, the longest first, some for each thread.

        A token is taken to have three characters.
        """
        order = sorted(range(len(texts)), key=lambda position: -len(texts[position]))
        room = BATCH_TOKENS if self.model.device.type == "cpu" else 16 * BATCH_TOKENS
        share = -(-len(texts) // threads) if len(texts) > FEW_TEXTS else len(texts)
        begin = 0
        while begin < len(order):
            longest = max(len(texts[order[begin]]) // 3, 16)
            size = max(1, min(share, room // min(longest, self.model.max_seq_length or 512)))
            yield order[begin : begin + size]
            begin += size

    def _encode(
        self, texts: Sequence[str], *, prompt: str = "", progress: Progress = silent
    ) -> FloatArray:
        """Return pooled vectors, shape (n, dim), unit length."""
        dim = self.model.get_embedding_dimension() or 0
        vectors = np.zeros((len(texts), dim), dtype=np.float32)
        for chosen, features in self.forward(texts, prompt=prompt, progress=progress):
            vectors[chosen] = unit(features["sentence_embedding"].float().cpu().numpy()[:, :dim])
        return vectors


def saved_settings(folder: Path) -> tuple[WindowSettings, HybridWeights]:
    """Return how a saved model sees passages and is fused; the defaults where others saved it."""
    path = folder / SETTINGS_FILE
    saved = read_json(path) if path.is_file() else {}
    try:
        return (
            WindowSettings.model_validate(saved.get("windows", {})),
            HybridWeights.model_validate(saved.get("hybrid", {})),
        )
    except (AttributeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: not as it was saved with the model ({reason})") from error


def weights_state(model: "SentenceTransformer") -> tuple[list[tuple[int, int]], bytes]:
    """Return what changes whenever a model's weights do, without reading all of them.

    PyTorch counts changes in place, but not those of a fused optimizer: the first values of each
    weight tell of these.
    """
    import torch

    weights = list(model.parameters())
    with torch.no_grad():
        first = torch.cat(
            [weight.as_strided((min(SAMPLE, weight.numel()),), (1,)) for weight in weights]
        )
    versions = [(weight.data_ptr(), weight._version) for weight in weights]
    return versions, first.float().cpu().numpy().tobytes()


def _weights_hash(model: "SentenceTransformer") -> str:
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    # Padding and truncation change from call to call.
    tokenizer = json.loads(model.tokenizer.backend_tokenizer.to_str())
    tokenizer |= {"padding": None, "truncation": None}
    digest.update(json.dumps(tokenizer, sort_keys=True).encode())
    return digest.hexdigest()


def silence_libraries() -> None:
    """Keep the libraries' own logs and progress bars off the screen: the core never prints."""
    import datasets
    import transformers

    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()


def _damage(model: "SentenceTransformer") -> str:
    """Say what is wrong with a loaded model's weights and vectors; empty if nothing is."""
    if name := _weight_not_loaded(model):
        return f"its files have no weight {name}"
    weights = model.named_parameters()
    named = ((name, weight.detach().float().cpu().numpy()) for name, weight in weights)
    if broken := damaged_weight(named):
        return f"its weight {broken} holds what is no number, or nothing but zeros"
    tokenizer = model.tokenizer
    if not getattr(tokenizer, "is_fast", False):
        return ""  # which is told by itself
    if not set(tokenizer("a nurse")["input_ids"]) - set(tokenizer.all_special_ids):
        return "its tokenizer knows no words"
    vector = model.encode("a nurse", show_progress_bar=False)
    dim = model.get_embedding_dimension()
    if vector.shape != (dim,):
        return f"it gives {vector.shape[0]} dimensions and says {dim}"
    return "" if np.isfinite(vector).all() and vector.any() else "its vectors are no directions"


def _weight_not_loaded(model: "SentenceTransformer") -> str:
    """Return the name of a weight that transformers has filled with random numbers; empty if none.

    The pooler may be: sentence-transformers pools tokens itself.
    """
    from transformers import PreTrainedModel

    named = (
        named
        for module in model.modules()
        if isinstance(module, PreTrainedModel)
        for named in module.named_parameters()
    )
    missing = (name for name, weight in named if not getattr(weight, "_is_hf_initialized", False))
    return next((name for name in missing if not name.startswith("pooler.")), "")


def load_model(choice: BaseModelChoice) -> "SentenceTransformer":
    """Load a sentence-transformers model; code that came with the weights is never run."""
    keep_libraries_quiet()
    reuse_freed_memory()
    from sentence_transformers import SentenceTransformer

    silence_libraries()
    try:
        model = SentenceTransformer(
            choice.location,
            device=device(),
            local_files_only=choice.is_local,
            trust_remote_code=False,
            revision=choice.revision or None,
        )
        damage = _damage(model)
    # What a broken folder makes the libraries raise is of every kind, a plain Exception among them.
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(
            f"{choice.name}: cannot load this model ({reason}); expected a sentence-transformers "
            "folder or the name of a model on the hub; see what is here with: cvseeker doctor"
        ) from error
    if damage:
        raise ModelError(
            f"{choice.name}: {damage}; expected the model as it was saved: fetch or train it again"
        )
    if not getattr(model.tokenizer, "is_fast", False):
        raise ModelError(
            f"{choice.name}: its tokenizer gives no character offsets, which windows are cut by; "
            f"expected a model with a fast tokenizer, such as {CPU_BASE}"
        )
    if not model.prompts.get("query") and choice.name in QUERY_PROMPTS:
        model.prompts["query"] = QUERY_PROMPTS[choice.name]
    return model
