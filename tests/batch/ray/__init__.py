"""Batches on Ray."""
