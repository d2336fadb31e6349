"""The name-swap audit: what a candidate's name moves in a ranking."""

from cvseeker.evaluate.audit.stage import audit_files, audit_stage

__all__ = ["audit_files", "audit_stage"]
