"""The same encoder behind an OpenAI-compatible endpoint."""
