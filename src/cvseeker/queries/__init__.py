"""Queries about passages, with an LLM or without."""
