"""Which model goes into service: the hold-out that models compete on, and who wins."""
