"""The drivers on both faces, against real files and servers."""
