"""What is remembered of runs, and what of it is kept."""
