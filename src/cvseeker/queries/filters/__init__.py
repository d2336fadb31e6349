"""Which queries of an LLM are kept, and why the others are not."""
