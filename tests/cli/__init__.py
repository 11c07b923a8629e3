"""The command line, from its decisions to whole processes."""
