"""What a recruiter reads off a résumé in ten seconds."""

from cvseeker.resumes.insights.profile import extract_profile

__all__ = ["extract_profile"]
