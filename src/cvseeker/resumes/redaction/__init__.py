"""Masking what identifies a candidate."""
