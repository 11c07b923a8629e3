"""Drop-in modules for programs written against another library: each has that library's names, over any provider."""
