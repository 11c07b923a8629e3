"""The only code that does network I/O.  `base` is the seam; `blocking` and `aio` are its two implementations."""
