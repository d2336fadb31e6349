"""Embedding models behind an endpoint, and the vectors that were paid for."""

from cvseeker.llm.embeddings.client import EmbeddingClient, open_transport

__all__ = ["EmbeddingClient", "open_transport"]
