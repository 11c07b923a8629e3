"""Names of commands, options, models and more, at the press of a key."""
