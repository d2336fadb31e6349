"""Queries without an LLM, from what a passage itself says."""
