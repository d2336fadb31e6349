"""Counting tokens as a model does, so that a price is known before anything is sent."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from cvseeker.core.errors import MissingExtraError, SettingsError

# What a chat costs beyond its words, by OpenAI's cookbook ("How to count tokens"): each message is
# framed by 3 tokens, and the reply is opened by 3.
_PER_MESSAGE, _PER_REPLY = 3, 3

# OpenAI's models by vocabulary; whatever follows the match is a size, a snapshot or a variant.
_VENDOR = re.compile(r"^(?:openai/|ft:)+")
_O200K = re.compile(r"(?:chatgpt-4o|gpt-4o|gpt-4\.[15]|gpt-5|gpt-oss|o[134])(?![a-z0-9])")
_CL100K = re.compile(r"(?:gpt-4|gpt-3\.5|gpt-35|text-embedding-3|text-embedding-ada-002)(?![.a-z])")


class TokenCounter:
    """Counts tokens for one model; ``exact`` says whether with the model's own vocabulary.

    If not, counts are an estimate: ``o200k_base`` stands in for models that are not OpenAI's,
    unless ``tokenizer`` is the model's own ``tokenizer.json``. ``name`` says which is in use.

    Examples
    --------
    >>> counter = TokenCounter("gpt-4o-mini")
    >>> counter.name, counter.exact, counter.count(["Senior nurse in Oslo", ""])
    ('o200k_base', True, [4, 0])
    """

    def __init__(self, model: str, *, tokenizer: Path | None = None) -> None:
        self._count: Callable[[Sequence[str]], list[int]]
        if tokenizer is not None:
            self.name, self.exact = tokenizer.name, True
            self._count = _file_counter(tokenizer)
        else:
            self.name, self.exact = _vocabulary(model)
            self._count = _packaged_counter(self.name)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text; no special tokens are added or read."""
        return self._count(texts)

    def count_chat(self, messages: Sequence[Mapping[str, str]]) -> int:
        """Return the prompt tokens of a chat request, with what frames its messages."""
        tokens = self.count([value for message in messages for value in message.values()])
        return sum(tokens) + _PER_MESSAGE * len(messages) + _PER_REPLY


def _vocabulary(model: str) -> tuple[str, bool]:
    """Return the vocabulary's name and whether it is the model's own."""
    name = _VENDOR.sub("", model.lower())
    if _O200K.match(name):
        return "o200k_base", True
    if _CL100K.match(name):
        return "cl100k_base", True
    return "o200k_base", False


@cache
def _packaged_counter(name: str) -> Callable[[Sequence[str]], list[int]]:
    # The package opens its vocabularies in a way that Python 3.11 and 3.12 frown upon.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            from bpe_openai import get_encoding
        except ImportError as error:
            raise MissingExtraError(
                "counting tokens needs bpe-openai, which is not installed; "
                "type: pip install 'cvseeker[llm]'"
            ) from error
        encode = get_encoding(name).encode_ordinary
    return lambda texts: [len(encode(text)) for text in texts]


def _file_counter(path: Path) -> Callable[[Sequence[str]], list[int]]:
    if not path.is_file():
        raise SettingsError(f"{path}: no such file; expected the model's tokenizer.json")
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    # The package raises nothing narrower.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise SettingsError(
            f"{path}: not a tokenizer ({reason}); expected the model's tokenizer.json"
        ) from error
    # A file may carry its model's limits; what is sent is counted whole.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda texts: [
        len(encoding) for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)
    ]
