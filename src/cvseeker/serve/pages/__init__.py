"""The page for people: HTML from templates, nothing that is not here, no code within it."""

from cvseeker.serve.pages.html import refuse
from cvseeker.serve.pages.routes import add_pages

__all__ = ["add_pages", "refuse"]
