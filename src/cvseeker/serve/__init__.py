"""Search over HTTP: an API for programs, a page for people."""

from cvseeker.serve.access import ROLES, Tokens
from cvseeker.serve.app import create_app, serve

__all__ = ["ROLES", "Tokens", "create_app", "serve"]
