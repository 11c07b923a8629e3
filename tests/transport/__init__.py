"""Promises about the transports: one contract, both implementations, real sockets."""
