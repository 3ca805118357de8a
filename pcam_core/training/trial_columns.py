"""Names in a table of trials."""

TOLD = ("trial", "status", "score", "epochs", "goes_on_from", "seconds", "note")
"""What is told of a trial; the other columns are its hyperparameters."""

BACKBONE = "backbone"
"""The hyperparameter that is an architecture."""
