"""Text → vectors → scores: encoders, BM25, dense, late interaction, fusion, metrics."""
