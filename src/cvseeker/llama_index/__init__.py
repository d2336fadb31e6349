"""LlamaIndex's way to a fine-tuned embedding model, for notebooks that change one import.

::

    from cvseeker.llama_index import EmbeddingQAFinetuneDataset, generate_qa_embedding_pairs
    from cvseeker.llama_index import SentenceTransformersFinetuneEngine

take the place of the same imports from ``llama_index.finetuning`` or
``llama_index.core.evaluation``.
"""

from cvseeker.llama_index.dataset import EmbeddingQAFinetuneDataset
from cvseeker.llama_index.engine import SentenceTransformersFinetuneEngine
from cvseeker.llama_index.generate import (
    DEFAULT_QA_GENERATE_PROMPT_TMPL,
    generate_qa_embedding_pairs,
    generate_question_context_pairs,
)

__all__ = [
    "DEFAULT_QA_GENERATE_PROMPT_TMPL",
    "EmbeddingQAFinetuneDataset",
    "SentenceTransformersFinetuneEngine",
    "generate_qa_embedding_pairs",
    "generate_question_context_pairs",
]
