"""``/v1/embeddings`` as the OpenAI SDK expects it."""

import base64
from collections.abc import Callable, Sequence
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from cvseeker.retrieval.windows import FloatArray
from cvseeker.serve.problems import OPENAI_REFUSALS, Problem

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# As many as OpenAI takes at once.
MOST_INPUTS = 2048

Ids = Annotated[list[int], Field(min_length=1)]


class EmbeddingsRequest(BaseModel):
    """What the SDK sends; token ids are the served model's own."""

    model_config = ConfigDict(extra="ignore")

    input: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=MOST_INPUTS)]
        | Ids
        | Annotated[list[Ids], Field(min_length=1, max_length=MOST_INPUTS)]
    )
    model: str = ""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1)] | None = None


class Embedding(BaseModel):
    """One vector, of unit length: numbers, or their little-endian float32 bytes in base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """The tokens that were encoded."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResponse(BaseModel):
    """All vectors, in the order of the input."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Usage


class Model(BaseModel):
    """The model that encodes."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "cvseeker"


class ModelsResponse(BaseModel):
    """All models, which is one."""

    object: Literal["list"] = "list"
    data: list[Model]


def embeddings_router(name: str, load: Callable[[], "SentenceTransformer"]) -> APIRouter:
    """Return the route; the model is loaded at the first request, and used by one at a time."""
    router = APIRouter(tags=["embeddings"], responses=OPENAI_REFUSALS)
    lock, models = Lock(), list["SentenceTransformer"]()

    @router.post("/v1/embeddings", operation_id="embeddings")
    def embeddings(asked: EmbeddingsRequest) -> EmbeddingsResponse:
        """Encode texts as ``SentenceTransformer(path).encode`` does; a long one is cut off."""
        with lock:
            if not models:
                models.append(load())
            texts = _texts(asked.input, models[0].tokenizer)
            vectors = np.asarray(models[0].encode(texts, show_progress_bar=False), np.float32)
            used = sum(map(len, models[0].tokenizer(texts, truncation=True)["input_ids"]))
        vectors = _cut(vectors, asked.dimensions)
        data = [
            Embedding(index=at, embedding=_packed(vector, asked.encoding_format))
            for at, vector in enumerate(vectors)
        ]
        usage = Usage(prompt_tokens=used, total_tokens=used)
        return EmbeddingsResponse(data=data, model=asked.model or name, usage=usage)

    @router.get("/v1/models", operation_id="models")
    def models_list() -> ModelsResponse:
        """Name the model that encodes."""
        return ModelsResponse(data=[Model(id=name)])

    return router


def _texts(
    given: str | Sequence[str] | Sequence[int] | Sequence[list[int]], tokenizer: Any
) -> list[str]:
    """Return the texts of an input; ids are decoded by the model's own tokenizer."""
    if isinstance(given, str):
        texts = [given]
    elif isinstance(given[0], str):
        texts = [str(text) for text in given]
    else:
        rows: Any = [given] if isinstance(given[0], int) else given
        if not all(0 <= token < len(tokenizer) for row in rows for token in row):
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                f"input has a token beyond the model's {len(tokenizer):,}; send texts",
            )
        texts = [tokenizer.decode(row, skip_special_tokens=True) for row in rows]
    if not all(texts):
        raise Problem(HTTPStatus.BAD_REQUEST, "input has an empty text; expected some words")
    return texts


def _cut(vectors: FloatArray, dimensions: int | None) -> FloatArray:
    """Return the first dimensions, of unit length again."""
    if dimensions is None or dimensions == vectors.shape[1]:
        return vectors
    if dimensions > vectors.shape[1]:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"dimensions is {dimensions}; the model's vectors have {vectors.shape[1]}",
        )
    short: FloatArray = vectors[:, :dimensions]
    lengths = np.maximum(np.linalg.norm(short, axis=1, keepdims=True), np.float32(1e-12))
    unit: FloatArray = short / lengths
    return unit


def _packed(vector: FloatArray, form: str) -> list[float] | str:
    if form == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    return [float(value) for value in vector]
