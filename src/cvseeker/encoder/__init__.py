"""Text → unit-length float32 vectors: base models, the windows they see through, encoding."""
