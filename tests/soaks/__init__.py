"""Long runs against a provider in a process of its own; `tests/soak.py` has their names."""
