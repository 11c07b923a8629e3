"""Answers from documents: the prompts of `dragoman.knowledge`, and cases that score a model on them."""
