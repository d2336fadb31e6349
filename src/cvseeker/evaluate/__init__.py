"""Systems × a data set → metrics, run files and a report."""

from cvseeker.evaluate.audit import audit_files, audit_stage
from cvseeker.evaluate.stage import check_evaluate, evaluate_files, evaluate_stage
from cvseeker.evaluate.systems import Systems
from cvseeker.evaluate.versus import compare_evaluations
from cvseeker.evaluate.wording import system_names

__all__ = [
    "Systems",
    "audit_files",
    "audit_stage",
    "check_evaluate",
    "compare_evaluations",
    "evaluate_files",
    "evaluate_stage",
    "system_names",
]
