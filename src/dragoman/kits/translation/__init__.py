"""The kit that translates documents."""
