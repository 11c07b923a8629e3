"""What `dragoman ask` can do beyond a question and its answer: templates, schemas, code blocks, other models, a cap."""
