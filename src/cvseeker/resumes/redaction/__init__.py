"""Masking what identifies a candidate."""

from cvseeker.resumes.redaction.redact import Redaction, redact

__all__ = ["Redaction", "redact"]
