"""OpenAI's Batch API: half the price, within a day."""
