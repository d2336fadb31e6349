"""Queries and qrels → a tuned encoder."""
