"""A fake LLM server: a real local HTTP process in the shape of OpenAI's, with seeded faults."""
