"""Which model answers: plans of several targets, and what is known of each target's health."""
