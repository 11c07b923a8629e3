"""The values: what is asked, what is answered, and who answers.  No I/O."""
