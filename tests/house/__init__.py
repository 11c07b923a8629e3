"""Promises about the whole checkout: its layers, its import, its public names, its documents, its wheel."""
