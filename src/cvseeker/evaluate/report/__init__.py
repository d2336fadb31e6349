"""What is read of an evaluation: tables, drawings, the page, Markdown and JSON."""
