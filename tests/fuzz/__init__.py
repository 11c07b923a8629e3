"""Mutation fuzzing without dependencies; `targets.py` says what is fuzzed and which law is checked."""
