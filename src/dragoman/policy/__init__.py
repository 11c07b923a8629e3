"""Decisions about calls, as pure functions with the clock as an argument, and the thin middleware that carries them
out."""
