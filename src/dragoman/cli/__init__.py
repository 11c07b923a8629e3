"""The command line: one file per command.  Standard output is the answer, standard error is everything else."""
