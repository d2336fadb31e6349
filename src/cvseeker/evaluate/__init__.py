"""Rankers × a data set → metrics, run files and a report."""

from cvseeker.evaluate.audit.stage import audit_files, audit_stage
from cvseeker.evaluate.contenders import Contenders
from cvseeker.evaluate.report.write import report_formats
from cvseeker.evaluate.stage import evaluate_files, evaluate_stage
from cvseeker.evaluate.versus import compare_evaluations
from cvseeker.evaluate.versus_text import versus_markdown, versus_page

__all__ = [
    "Contenders",
    "audit_files",
    "audit_stage",
    "compare_evaluations",
    "evaluate_files",
    "evaluate_stage",
    "report_formats",
    "versus_markdown",
    "versus_page",
]
