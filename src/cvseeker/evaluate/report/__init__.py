"""What is read of an evaluation: tables, drawings, the page, Markdown and JSON."""

from cvseeker.evaluate.report.page import render
from cvseeker.evaluate.report.provenance import provenance
from cvseeker.evaluate.report.write import write_report

__all__ = ["provenance", "render", "write_report"]
