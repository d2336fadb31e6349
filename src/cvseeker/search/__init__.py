"""An index of passages, and candidates found in it."""
