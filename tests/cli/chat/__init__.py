"""Tests of `dragoman chat`, and of Markdown that is drawn while it comes."""
