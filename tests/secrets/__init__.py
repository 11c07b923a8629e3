"""Credentials: how they are found, and that they do not show."""
