"""Markdown that is drawn while it comes."""
