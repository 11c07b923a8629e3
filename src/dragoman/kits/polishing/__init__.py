"""The kit that improves texts in their own language."""
