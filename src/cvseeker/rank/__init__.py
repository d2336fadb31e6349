"""Scores for passages: BM25, dense and hybrid; shared by evaluation, mining and search."""
