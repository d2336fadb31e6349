"""The name-swap audit: what a candidate's name moves in a ranking."""
