"""OpenAI's Batch API: half the price, within a day."""

from cvseeker.llm.batch.send import refuse_batched, send_batches

__all__ = ["refuse_batched", "send_batches"]
