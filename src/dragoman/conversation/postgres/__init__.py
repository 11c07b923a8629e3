"""Conversations in Postgres."""
