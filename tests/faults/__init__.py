"""What the client makes of everything that goes wrong."""
