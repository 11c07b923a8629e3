"""Batches whose requests are made by worker processes."""
