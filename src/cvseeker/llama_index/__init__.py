"""LlamaIndex's generator of question–passage pairs, for notebooks that change one import.

::

    from cvseeker.llama_index import EmbeddingQAFinetuneDataset, generate_qa_embedding_pairs

takes the place of the same import from ``llama_index.finetuning`` or
``llama_index.core.evaluation``.
"""

from cvseeker.llama_index.dataset import (
    EmbeddingQAFinetuneDataset,
    from_llama_index,
    to_llama_index,
)
from cvseeker.llama_index.generate import (
    DEFAULT_QA_GENERATE_PROMPT_TMPL,
    generate_qa_embedding_pairs,
    generate_question_context_pairs,
)

__all__ = [
    "DEFAULT_QA_GENERATE_PROMPT_TMPL",
    "EmbeddingQAFinetuneDataset",
    "from_llama_index",
    "generate_qa_embedding_pairs",
    "generate_question_context_pairs",
    "to_llama_index",
]
