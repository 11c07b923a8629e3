"""What is known of providers."""
