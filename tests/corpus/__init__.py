"""Recorded traffic of providers, and what it holds the wires to."""
